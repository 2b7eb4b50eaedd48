package web

import (
	"crypto/rand"

	"reconnect.example/vault"
)

// What a worker leaves waits, sealed, until the person enters next. The worker does
// not see it again, and who may only leave things sees nothing of the space at all.

// leaver serves a page where a worker leaves something. A person adds instead.
func (p *pages) leaver(h handler) handler {
	return func(v *visit) error {
		if v.worker == nil {
			return v.goTo("/deposits", "")
		}
		if !v.mayLeave() {
			return vault.ErrNotAllowed
		}
		return h(v)
	}
}

func (p *pages) leavePaperForm(v *visit) error { return v.leavePaperAgain(newForm(), nil) }

func (v *visit) leavePaperAgain(f *form, err error) error {
	data := v.adding(editing{Form: f, New: true, Extra: vault.MaxLeft}, "")
	if err != nil || f.wrong() {
		return v.again("leave-paper", f, err, data)
	}
	return v.show("leave-paper", data)
}

func (p *pages) leavePaper(v *visit) error {
	return p.receive(&upload{visit: v, leaves: true})
}

func (p *pages) leaveNoteForm(v *visit) error { return v.leaveNoteAgain(newForm(), nil) }

func (v *visit) leaveNoteAgain(f *form, err error) error {
	data := editing{Form: f, New: true}
	if err != nil || f.wrong() {
		return v.again("leave-note", f, err, data)
	}
	return v.show("leave-note", data)
}

func (p *pages) leaveNote(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if v.required(f, "title", "text"); f.wrong() {
		return v.leaveNoteAgain(f, nil)
	}
	_, err = p.clicks.do(v.ctx(), v.token, f.ID, func() (string, error) {
		_, err := v.vault.LeaveNote(v.ctx(), f.Get("title"), vault.Note{Text: f.Text("text")}, vault.Place{Channel: channel})
		return "", err
	})
	if err != nil {
		f.ID = rand.Text()
		return v.leaveNoteAgain(f, err)
	}
	return v.goTo("/", "deposited")
}
