package web

import (
	"bufio"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// What somebody sees who has a link, and no account. The code comes behind #, which goes to
// nobody; a script puts it into the form, and where none runs it is typed. From then on it
// stands in the bodies of forms alone. Of the person the pages say what they chose as label.

// strangerView is the page of who has a link.
type strangerView struct {
	Form  *form
	Code  string // that opened it; "": not yet
	Label string
	Face  vault.LinkFace
	Limit int64  // bytes of a paper that is left
	Taken string // the field of what was taken: "file" or "text"; "all": of several
	Over  bool   // the link that this browser has brought has ended since: it did what it was for
	// Unsent is a message that was written while the link ended: it goes nowhere, and stays theirs.
	Unsent string
}

// noLink is what [session.LinkCookie] holds of who has shown no code yet. It tells whether the
// browser keeps what it is given: where it does not, each page is the answer to a form (N97).
const noLink = "-"

func (p *pages) giveForm(v *visit) error { return v.linkPage("give") }

func (p *pages) openForm(v *visit) error { return v.linkPage("open-link") }

// linkPage shows the page of the link that this browser has brought, or asks for a code. To
// come back here, or to load it again, sends nothing a second time.
func (v *visit) linkPage(page string) error {
	code := v.heldLink()
	if code == "" {
		session.HoldLink(v.w, noLink)
		return v.show(page, strangerView{Form: newForm()})
	}
	if err := v.pages.Limits.Link(v.r); err != nil {
		return err
	}
	taken := v.r.URL.Query().Get("taken")
	if taken != "file" && taken != "text" && taken != "all" {
		taken = ""
	}
	return v.showStranger(page, newForm(), code, taken)
}

// heldLink is the code that this browser has brought before, or "".
func (v *visit) heldLink() string {
	if code := session.Held(v.r, session.LinkCookie); code != noLink {
		return code
	}
	return ""
}

// forgetLink is for who has done what they came for, or has another link.
func (p *pages) forgetLink(v *visit) error {
	session.HoldLink(v.w, noLink)
	if v.r.URL.Path == "/open/forget" {
		return v.goTo("/open", "link-forgotten")
	}
	return v.goTo("/give", "link-forgotten")
}

// codeIn reads the code of a link, alone or at the end of its address.
func codeIn(text string) string {
	_, code, found := strings.Cut(text, "#")
	if !found {
		return text
	}
	return code
}

func (p *pages) give(v *visit) error { return v.lookAtLink("give") }

func (p *pages) open(v *visit) error { return v.lookAtLink("open-link") }

// lookAtLink takes the code of a link to its page: whoever brings it to the other page finds it,
// too.
func (v *visit) lookAtLink(page string) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if err := v.pages.Limits.Link(v.r); err != nil {
		return v.again(page, f, err, strangerView{Form: f})
	}
	if v.required(f, "linkcode"); f.wrong() {
		return v.again(page, f, nil, strangerView{Form: f})
	}
	code := codeIn(f.Get("linkcode"))
	if session.Held(v.r, session.LinkCookie) != "" {
		face, err := v.pages.Vaults.FaceOfLink(v.ctx(), code)
		if err == nil {
			session.HoldLink(v.w, code)
			return v.goTo(linkPlace(face.Kind), "")
		}
		if code == v.heldLink() && errors.Is(err, vault.ErrEnded) { // the page looks again after the last time
			return v.goTo(v.r.URL.Path, "")
		}
	}
	return v.showStranger(page, newForm(), code, "") // also what is wrong with it
}

// linkPlace is the page of a link of a kind.
func linkPlace(k vault.LinkKind) string {
	if k == vault.LinkPaper {
		return "/open"
	}
	return "/give"
}

// showStranger shows the page of a link, or asks for a code that opens one.
func (v *visit) showStranger(page string, f *form, code, taken string) error {
	face, err := v.pages.Vaults.FaceOfLink(v.ctx(), code)
	if errors.Is(err, vault.ErrEnded) || errors.Is(err, vault.ErrInvalid) {
		again := newForm()
		again.refuse("linkcode", v.t("wrong.link-code"))
		if errors.Is(err, vault.ErrEnded) {
			again.refuse("linkcode", v.t("wrong.link-over"))
		}
		view := strangerView{Form: again, Taken: taken, Unsent: f.Text("text")}
		if v.r.Method == http.MethodGet { // it has ended since this browser brought it
			session.HoldLink(v.w, noLink)
			return v.show(page, strangerView{Form: newForm(), Taken: taken, Over: true})
		}
		return v.again(page, again, nil, view)
	}
	if err != nil {
		return err
	}
	if place := linkPlace(face.Kind); v.r.Method == http.MethodGet && v.r.URL.Path != place {
		return v.goTo(place, "")
	}
	view := strangerView{Form: f, Code: code, Label: safename.Line(face.Label), Face: face, Limit: vault.MaxLeft, Taken: taken}
	page = "give"
	if face.Kind == vault.LinkPaper {
		page = "open-link"
	}
	if f.wrong() {
		return v.again(page, f, nil, view)
	}
	return v.show(page, view)
}

func (p *pages) giveMessage(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if err := p.Limits.Link(v.r); err != nil {
		return err
	}
	code := codeIn(f.Get("linkcode"))
	v.required(f, "from", "text")
	if !f.wrong() {
		err = p.Vaults.LeaveNoteByLink(v.ctx(), code, f.Get("from"), vault.Note{Text: f.Text("text")}, channel)
	}
	return v.given(f, code, "text", err)
}

// given shows what became of something that was left. A refusal says that it was not taken,
// and the page keeps what was written.
func (v *visit) given(f *form, code, field string, err error) error {
	taken := field
	if f.Get("also") != "" { // the page has left another thing just before, in its own request
		taken = "all"
	}
	switch {
	case f.wrong():
	case errors.Is(err, vault.ErrNotTaken):
		f.Problem = v.t("says.not-taken")
	case errors.Is(err, vault.ErrInvalid):
		v.refuseFields(f, err)
		if f.Problem != "" { // it is about no field of the page
			f.Problem = ""
			f.refuse(field, v.t("wrong.give"))
		}
	case err != nil:
		return err
	case v.heldLink() == code: // nothing is left twice by going back, or by loading the page again
		session.HoldLink(v.w, code)
		http.Redirect(v.w, v.r, "/give?taken="+taken, http.StatusSeeOther)
		return nil
	default:
		return v.showStranger("give", newForm(), code, taken)
	}
	return v.showStranger("give", f, code, "")
}

// givePaper takes one file, a voice note too, as it comes: no byte of it touches the disk.
func (p *pages) givePaper(v *visit) error {
	if err := p.Limits.Link(v.r); err != nil {
		return err
	}
	v.r.Body = &buffered{bufio.NewReaderSize(v.r.Body, 64<<10), v.r.Body}
	parts, err := v.r.MultipartReader()
	if err != nil {
		return problem.ErrRequest
	}
	u := &upload{visit: v, leaves: true, parts: parts, form: formOf(url.Values{})}
	part, err := u.next()
	if err != nil {
		return err
	}
	code := codeIn(u.form.Get("linkcode"))
	if part != nil && !u.form.wrong() {
		err = v.giveFile(u, part, code)
	}
	drain(v.r)
	return v.given(u.form, code, "file", err)
}

func (v *visit) giveFile(u *upload, part *multipart.Part, code string) error {
	source := &body{r: part}
	first, err := source.head(headOfFile)
	if err != nil {
		return err
	}
	if len(first) == 0 {
		return errEmptyFile
	}
	err = v.pages.Vaults.LeaveByLink(v.ctx(), code, vault.NewDocument{Name: u.title(part), Size: -1, Channel: channel}, source)
	if source.failed != nil { // what the network said comes before what the library made of it
		return source.failed
	}
	return err
}

// openPaper gives the one paper of a link, to be shown in a sandbox or to be saved. Each
// time is a use of the link.
func (p *pages) openPaper(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if err := p.Limits.Link(v.r); err != nil {
		return err
	}
	code := codeIn(f.Get("linkcode"))
	opened, err := p.Vaults.OpenByLink(v.ctx(), code)
	if errors.Is(err, vault.ErrEnded) || errors.Is(err, vault.ErrInvalid) {
		return v.showStranger("open-link", newForm(), code, "")
	}
	if err != nil {
		return err
	}
	defer opened.Close() //nolint:errcheck // only read
	buffered := bufio.NewReaderSize(opened, 64<<10)
	first, err := buffered.Peek(headOfFile)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	mediaType, mayShow := safename.Sniff(first, opened.Item.Document.MediaType)
	disposition := safename.Attachment(safename.File(opened.Item.Name, mediaType))
	if mayShow && f.Get("how") == "show" {
		disposition = safename.Inline(safename.File(opened.Item.Name, mediaType))
	} else {
		mediaType = saveAs(mediaType)
	}
	v.w.Header().Set("Content-Security-Policy", previewPolicy)
	v.w.Header().Set("Content-Type", mediaType)
	v.w.Header().Set("Content-Disposition", disposition)
	v.w.Header().Set("Content-Length", strconv.FormatInt(opened.Item.Document.Size, 10))
	v.w.WriteHeader(http.StatusOK)
	v.stream(buffered)
	return nil
}
