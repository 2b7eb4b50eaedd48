package web

import (
	"errors"
	"slices"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// fileView is a file that a partner has linked.
type fileView struct {
	consent.KeptLink
	Leaves, MayLeave bool // papers and messages: it does; it does if the person lets it
}

// files are those that partners have linked.
func (v *visit) files() ([]fileView, error) {
	links, err := v.pages.Staff.PartnerLinks(v.ctx(), v.vault)
	if err != nil {
		return nil, err
	}
	leaving, err := v.pages.Staff.LeavingPartners(v.ctx(), v.vault)
	if err != nil {
		return nil, err
	}
	var out []fileView
	for _, l := range links {
		p, err := v.pages.Directory.Partner(v.ctx(), l.Partner)
		if err != nil && !errors.Is(err, consent.ErrNotNamed) {
			return nil, err
		}
		l.Name, l.Number = safename.Line(l.Name), safename.Line(l.Number)
		f := fileView{KeptLink: l, MayLeave: p.Withdrawn == "" && slices.Contains(p.Scopes, consent.PartnerDeposit)}
		f.Leaves = slices.ContainsFunc(leaving, func(k consent.Leaving) bool { return k.Partner == l.Partner })
		out = append(out, f)
	}
	return out, nil
}

// onPartner does something with the partner of the address.
func (v *visit) onPartner(done string, do func(consent.PartnerID) error) error {
	if _, err := v.readForm(); err != nil {
		return err
	}
	id, err := vault.ParseID(v.r.PathValue("id"))
	if err != nil {
		return vault.ErrNotFound
	}
	if err := do(id); err != nil && !errors.Is(err, vault.ErrUnconfirmed) { // it is done
		return err
	}
	return v.goTo("/asks", done)
}

func (p *pages) unblockPartner(v *visit) error {
	done := "partner-unblocked"
	return v.onPartner(done, func(id consent.PartnerID) error { return p.Staff.UnblockPartner(v.ctx(), v.vault, id) })
}

func (p *pages) endPartnerLinks(v *visit) error {
	done := "partner-unlinked"
	return v.onPartner(done, func(id consent.PartnerID) error { return p.Staff.EndPartnerLinks(v.ctx(), v.vault, id) })
}

func (p *pages) letPartnerLeave(v *visit) error {
	done := "partner-leaves"
	return v.onPartner(done, func(id consent.PartnerID) error { return p.Staff.LetLeave(v.ctx(), v.vault, id) })
}

func (p *pages) stopPartnerLeaving(v *visit) error {
	done := "partner-stopped"
	return v.onPartner(done, func(id consent.PartnerID) error { return p.Staff.StopLeaving(v.ctx(), v.vault, id) })
}
