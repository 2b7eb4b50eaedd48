package web

import (
	"net/http"
	"slices"

	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// depositRoutes are the pages of what others leave for a person.
func (p *pages) depositRoutes(mux *http.ServeMux) {
	mux.Handle("GET /deposits/paper", p.shared(p.leaver(p.leavePaperForm)))
	mux.Handle("POST /deposits/paper", p.shared(p.leaver(p.leavePaper)))
	mux.Handle("GET /deposits/message", p.shared(p.leaver(p.leaveNoteForm)))
	mux.Handle("POST /deposits/message", p.shared(p.leaver(p.leaveNote)))
	mux.Handle("GET /staff/relays/{relay}/people/{person}/give-up", p.staff(p.giveUpForm))
	mux.Handle("POST /staff/relays/{relay}/people/{person}/give-up", p.staff(p.giveUp))
	mux.Handle("GET /staff/relays/{relay}/people/{person}/stop-sessions", p.staff(p.stopSessionsForm))
	mux.Handle("POST /staff/relays/{relay}/people/{person}/stop-sessions", p.staff(p.stopSessions))
}

// depositsView is what others left for the person, and what became of it.
type depositsView struct {
	Missing  []missingView
	Deposits []depositView
	Waiting  bool
	ByLink   bool // there is something from strangers that the person has not kept
}

type missingView struct {
	vault.MissingDeposit
	Who, What string
}

type depositView struct {
	vault.Deposit
	Who, What, State string
	New              bool        // somebody left it by a link, and it is neither kept nor thrown away
	Item             *vault.Item // that it is; nil: it is none, or not here any more
}

func (p *pages) deposits(v *visit) error {
	all, err := v.vault.Deposits(v.ctx())
	if err != nil {
		return err
	}
	missing, err := v.vault.MissingDeposits(v.ctx())
	if err != nil {
		return err
	}
	items, err := v.listed(&vault.ListOptions{})
	if err != nil {
		return err
	}
	partners, err := v.leavingBy()
	if err != nil {
		return err
	}
	var view depositsView
	for _, m := range missing {
		view.Missing = append(view.Missing, missingView{m, v.actorWords(m.By), v.leftWords(m.Kind)})
	}
	for _, d := range all {
		one := depositView{Deposit: d, Who: v.actorWords(d.By), What: v.leftWords(d.Kind), State: v.stateWords(d)}
		if i := slices.IndexFunc(items, func(i vault.Item) bool { return i.ID == d.Item }); i >= 0 && d.State == vault.DepositTakenIn {
			one.Item = &items[i]
		} else if d.State == vault.DepositTakenIn {
			one.State = v.t("deposit.gone")
		}
		byLink := d.By.Kind == vault.ActorLink
		if name := partners[d.By.ID]; byLink && name != "" {
			one.Who = v.t("deposits.by-partner", name)
		}
		switch {
		case !byLink || one.Item == nil:
		case d.Kept:
			one.State = v.t("deposit.kept")
		default:
			one.State, one.New, view.ByLink = v.t("deposit.not-kept"), true, true
		}
		view.Waiting = view.Waiting || d.State == vault.DepositWaits
		view.Deposits = append(view.Deposits, one)
	}
	return v.show("deposits", view)
}

// leavingBy are the names of partners that leave something, by the link that they use.
func (v *visit) leavingBy() (map[string]string, error) {
	if v.pages.Staff == nil {
		return nil, nil
	}
	all, err := v.pages.Staff.LeavingPartners(v.ctx(), v.vault)
	names := map[string]string{}
	for _, l := range all {
		names[l.Link.String()] = safename.Line(l.Name)
	}
	return names, err
}

// leftWords says what was left: its name is known only once it is taken in.
func (v *visit) leftWords(kind string) string {
	switch kind {
	case vault.KindDocument.String():
		return v.t("deposit.paper")
	case vault.KindNote.String():
		return v.t("deposit.message")
	}
	return v.t("deposit.thing")
}

func (v *visit) stateWords(d vault.Deposit) string {
	switch d.State {
	case vault.DepositWaits:
		return v.t("deposit.waits")
	case vault.DepositMissing:
		return v.t("deposit.missing")
	case vault.DepositRefused:
		switch d.Why {
		case "grant":
			return v.t("deposit.refused-grant")
		case "author":
			return v.t("deposit.refused-author")
		}
		return v.t("deposit.refused")
	}
	if d.Act == vault.ActMadePrivate {
		return v.t("deposit.made-private")
	}
	return v.t("deposit.taken-in")
}

// takeDeposits takes in what was left while the person is signed in.
func (p *pages) takeDeposits(v *visit) error {
	if _, err := v.vault.TakeIn(v.ctx()); err != nil {
		return err
	}
	return v.goTo("/deposits", "deposits-taken")
}

// knowMissing notes that the person knows of what is missing.
func (p *pages) knowMissing(v *visit) error {
	if err := v.vault.ConfirmMissing(v.ctx()); err != nil {
		return err
	}
	return v.goTo("/deposits", "missing-known")
}
