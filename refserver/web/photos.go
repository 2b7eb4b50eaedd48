package web

import (
	"errors"
	"io"
	"mime/multipart"
	"regexp"
	"time"

	"reconnect.example/internal/photo"
	"reconnect.example/internal/photopdf"
	"reconnect.example/vault"
)

// A photo tells more than its picture: where it was taken, when, and with what. That
// is taken out as the bytes go by, unless the person says to keep it. A photo whose
// structure is broken is refused then: what it holds besides could not be found.

// clean returns a paper without what a camera wrote into it.
func (u *upload) clean(source io.Reader) (io.Reader, error) {
	if u.keepsAll() {
		return source, nil
	}
	return photo.NewStripper(source)
}

func (u *upload) keepsAll() bool { return u.form.Get("camera") != "" }

// storePages stores this photo and those after it as the pages of one paper. The PDF is
// made while they come in: none is collected, and if one cannot be a page nothing is
// stored.
func (u *upload) storePages(part *multipart.Part, in vault.Compartment) (vault.Item, error) {
	title, source := u.title(part), &body{}
	next := func() (io.Reader, error) {
		for part == nil {
			var err error
			if part, err = u.next(); err != nil {
				source.failed = err
				return nil, err
			}
			if part == nil {
				return nil, io.EOF
			}
		}
		source.r, part = part, nil
		return source, nil
	}
	item, err := u.add(title, "application/pdf", in, photopdf.NewReader(next, u.keepsAll()))
	if source.failed != nil {
		return vault.Item{}, source.failed
	}
	return item, err
}

// photoSentence says what is wrong with a photo; "" for what is no photo's fault.
func (v *visit) photoSentence(err error) string {
	var page *photopdf.PageError
	switch isPage := errors.As(err, &page); {
	case isPage && errors.Is(err, photopdf.ErrLarge):
		return v.t("wrong.photo-large", page.Page)
	case isPage && errors.Is(err, photopdf.ErrKind):
		return v.t("wrong.photo-page", page.Page)
	case isPage && errors.Is(err, photo.ErrBroken):
		return v.t("wrong.page-broken", page.Page)
	case errors.Is(err, photo.ErrBroken):
		return v.t("wrong.photo-broken")
	}
	return ""
}

// namedByCamera are names that a phone gives, and that say nothing of a paper.
var namedByCamera = regexp.MustCompile(`(?i)^(img|image|photo|picture|dscf?n?|pxl|mvimg|screenshot|scan|whatsapp image)?([-_ .()~0-9]|wa|at|am|pm|mp|hdr)*$`)

// ofDay is the name of a paper of which nothing is known but when it came.
func (v *visit) ofDay() string {
	return v.t("paper.of-day", v.date(vault.Date(v.now().In(v.zone).Format(time.DateOnly))))
}
