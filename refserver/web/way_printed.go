package web

import (
	"errors"
	"slices"
	"strings"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// printedView is a recovery sheet, shown once and made to be printed. It says whom to ask
// and where to go on, and not whose it is: whoever finds it learns no name.
type printedView struct {
	Sheet   recovery.Sheet
	Words   []string
	Paths   []vault.Path
	Desks   []relayView // to be called
	Centres []relayView // to be visited
	Address string      // of the page of number and code, as it is typed; "": nobody told the server
}

// makeSheet shows the sheet once. A second click makes another, which takes its place:
// what is shown last is what opens.
func (p *pages) makeSheet(v *visit) error {
	view, err := v.toMake(familySheet)
	if err != nil {
		return err
	}
	f := view.Form
	e, secret := v.enrolment(f, view)
	if f.wrong() {
		return v.notMade("way-sheet", view, nil)
	}
	e.Sheet = &recovery.NewSheet{Private: f.Get("private") != ""}
	made, err := p.Recovery.Enrol(v.ctx(), v.vault, e, secret)
	if made.Sheet == nil || err != nil && !isDone(err) {
		return v.notMade("way-sheet", view, err)
	}
	sheet := printedView{Sheet: *made.Sheet, Words: made.Sheet.Words(v.Code), Paths: made.Paths, Address: v.backAddress()}
	v.sheetHelpers(&sheet)
	return v.show("way-printed", sheet)
}

// sheetHelpers fills in whom to ask. The sheet must be shown, whatever cannot be read now.
func (v *visit) sheetHelpers(sheet *printedView) {
	r, err := v.pages.Recovery.Review(v.ctx(), v.vault)
	if err != nil {
		v.log(problem.Of(err), err)
		return
	}
	known := func(all []relayView, id consent.RelayID) bool {
		return slices.ContainsFunc(all, func(r relayView) bool { return r.ID == id })
	}
	for _, path := range r.Paths {
		if !slices.Contains(familySheet.kinds(), path.Kind) {
			continue
		}
		for _, relay := range path.Helpers {
			to := &sheet.Centres
			if relay.Type == consent.TypeDesk {
				to = &sheet.Desks
			}
			if !known(*to, relay.ID) {
				*to = append(*to, v.relay(relay))
			}
		}
	}
}

// backAddress is where the person goes on, as it is typed into a browser.
func (v *visit) backAddress() string {
	if v.pages.Address == "" {
		return ""
	}
	return strings.TrimPrefix(strings.TrimSuffix(v.pages.Address, "/"), "https://") + "/back"
}

// printed notes that the sheet is on paper.
func (p *pages) printed(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	for _, text := range f.Values["path"] {
		id, err := vault.ParsePathID(text)
		if err == nil {
			err = v.vault.ConfirmPath(v.ctx(), id)
		}
		if err != nil && !errors.Is(err, vault.ErrNotFound) && !errors.Is(err, vault.ErrInvalid) && !isDone(err) {
			return err
		}
	}
	o, err := v.vault.Overview(v.ctx())
	if err != nil {
		return err
	}
	if o.Counts.Documents == 0 { // an account that was just opened: what comes next is on the first page
		return v.goTo("/", "sheet-printed")
	}
	return v.goTo("/ways", "sheet-printed")
}
