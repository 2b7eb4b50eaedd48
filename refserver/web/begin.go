package web

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"reconnect.example/internal/photo"
	"reconnect.example/quota"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// A page with JavaScript sends a paper so that it can go on after the network was lost.
// It begins here, like any form: with the fields, the space that they are of and the
// name of the form. The bytes then go to the API's uploads (tus), which take the page's
// cookie: it is SameSite=Strict, requests of other sites are refused by what browsers say
// of their origin, and the header that tus wants is one that no form of another site
// can send. So there is one way for bytes, and no second door.

// adding is a form for papers, and what its script needs.
type adding struct {
	editing
	Begin string // where an upload begins that can resume; "": the form is sent as it is
	Today string // a name for what has none
	Asks  bool   // for more space, when there is none
}

func (v *visit) adding(e editing, begin string) adding {
	return adding{editing: e, Begin: begin, Today: v.ofDay(), Asks: v.worker == nil}
}

// uploadBegun is the answer to the script.
type uploadBegun struct {
	Upload  string `json:"upload,omitempty"`
	Problem string `json:"problem,omitempty"` // a sentence to be shown
	Full    bool   `json:"full,omitempty"`    // there is no room: nothing was sent
	Unlike  bool   `json:"unlike,omitempty"`  // the file is not what its name says
	Unshown bool   `json:"unshown,omitempty"` // it is of a kind that cannot be shown here
	Bundle  bool   `json:"bundle,omitempty"`  // it may have papers in it
	Photo   bool   `json:"photo,omitempty"`   // nothing has begun: it is to be sent as the form is
	Why     string `json:"why,omitempty"`     // one of whyNots
}

func (p *pages) beginPaper(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return v.answerBegun(f, err, "")
	}
	id, err := p.clicks.do(v.ctx(), v.token, "begin "+f.ID, func() (string, error) {
		u, err := v.beginUpload(f)
		return u.ID.String(), err
	})
	return v.answerBegun(f, err, id)
}

func (v *visit) beginUpload(f *form) (vault.Upload, error) {
	checkDates(v, f)
	// The first bytes say what a file is, and not its name (A8). They are looked at again
	// whenever it is shown.
	first, err := base64.StdEncoding.DecodeString(f.Get("head"))
	if err != nil || len(first) > headOfFile {
		return vault.Upload{}, problem.ErrRequest
	}
	if f.wrong() {
		return vault.Upload{}, vault.ErrInvalid
	}
	in := v.placeOf(f).Compartment
	folder, err := v.folderIn(f.Get("folder"), in)
	if err != nil {
		return vault.Upload{}, err
	}
	return v.vault.BeginUpload(v.ctx(), vault.NewDocument{
		Name: v.titleOf(f.Get("title"), f.Get("file"), int(min(number(f.Get("nth")), 1000))), Compartment: in, Folder: folder,
		MediaType: kindOf(first, f.Get("type")), Issued: v.typedDate(f, "issued"), Expires: v.typedDate(f, "expires"),
		Size: int64(min(number(f.Get("size")), 1<<62)), Channel: channel,
	})
}

// beginBrought begins the upload of a file that is brought in. A photo comes otherwise.
func (p *pages) beginBrought(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return v.answerBegun(f, err, "")
	}
	id, err := p.clicks.do(v.ctx(), v.token, "bring "+f.ID, func() (string, error) {
		first, err := base64.StdEncoding.DecodeString(f.Get("head"))
		if err != nil || len(first) > headOfFile {
			return "", problem.ErrRequest
		}
		size, doc := int64(min(number(f.Get("size")), 1<<62)), vault.NewDocument{}
		switch kind := kindOf(first, f.Get("type")); {
		case mayHoldPapers(first, kind), len(first) == 0:
			doc = v.broughtAs(f.Get("file"), size)
		case strings.HasPrefix(kind, camera):
			return "", nil
		default:
			doc = v.broughtPaper(f.Get("file"), kind, int(min(number(f.Get("nth")), 1000)))
		}
		doc.Size = size
		u, err := v.vault.BeginUpload(v.ctx(), doc)
		return u.ID.String(), err
	})
	return v.answerBegun(f, err, id)
}

func (v *visit) answerBegun(f *form, err error, id string) error {
	say := uploadBegun{Upload: id}
	if err == nil {
		first, _ := base64.StdEncoding.DecodeString(f.Get("head")) // it could be read: the upload has begun
		kind := kindOf(first, f.Get("type"))
		_, readable := showable(kind)
		say.Unlike, say.Unshown = unlikeItsName(f.Get("file"), kind), !readable
		say.Photo, say.Bundle = id == "", mayHoldPapers(first, kind)
	}
	return v.answer(f, say, err)
}

// answer says to a script what was done, or what stood in the way.
func (v *visit) answer(f *form, say uploadBegun, err error) error {
	status := http.StatusCreated
	if err != nil {
		var full *quota.FullError
		p := problem.Of(err)
		v.log(p, err)
		status, say = p.Status, uploadBegun{Problem: v.sentence(p), Full: errors.As(err, &full), Why: whyNot(err)}
		switch {
		case errors.Is(err, photo.ErrBroken):
			status, say.Problem = http.StatusUnprocessableEntity, v.t("came.broken")
		case full != nil:
			say.Problem = v.t("phone.full", v.Size(full.Left))
		case errors.Is(err, errOtherSpace):
			status, say.Problem = http.StatusConflict, v.t("done.other-space")
		case errors.Is(err, vault.ErrInvalid):
			if !f.wrong() {
				v.refuseFields(f, err)
			}
			for _, sentence := range f.Wrong {
				say.Problem = sentence
			}
		}
		v.retryAfter(p)
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	return json.NewEncoder(v.w).Encode(say)
}
