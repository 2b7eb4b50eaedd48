package web

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

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

// beginBrought begins the upload of a file that is brought in.
func (p *pages) beginBrought(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return v.answerBegun(f, err, "")
	}
	id, err := p.clicks.do(v.ctx(), v.token, "bring "+f.ID, func() (string, error) {
		u, err := v.vault.BeginUpload(v.ctx(), v.broughtAs(f.Get("file"), int64(min(number(f.Get("size")), 1<<62))))
		return u.ID.String(), err
	})
	return v.answerBegun(f, err, id)
}

func (v *visit) answerBegun(f *form, err error, id string) error {
	status, say := http.StatusCreated, uploadBegun{Upload: id}
	if err == nil {
		first, _ := base64.StdEncoding.DecodeString(f.Get("head")) // it could be read: the upload has begun
		say.Unlike = unlikeItsName(f.Get("file"), kindOf(first, f.Get("type")))
	} else {
		var full *quota.FullError
		p := problem.Of(err)
		v.log(p, err)
		status, say = p.Status, uploadBegun{Problem: v.sentence(p), Full: errors.As(err, &full)}
		switch {
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
