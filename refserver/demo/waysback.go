package demo

import (
	"context"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/refserver/notice"
	"reconnect.example/vault"
)

// WaysBack is what the sample person would carry with them, or know.
type WaysBack struct {
	Sheet     string              `json:"sheet"` // the code of the recovery sheet
	Questions []recovery.Question `json:"questions"`
}

// questions are the sample person's own. Nobody finds the answers on the sample papers.
var questions = []recovery.Question{
	{Text: "Comment s’appelait le chien du camping ?", Answer: "Moustache Gris"},
	{Text: "Que vendait la boutique sous ma première chambre ?", Answer: "Boutons et rubans"},
	{Text: "Quelle chanson ma tante chantait-elle toujours faux ?", Answer: "La rivière endormie"},
}

// follow lets a centre follow the sample person, and a desk help them back in, and makes
// every way back in that there can be: with the sheet, with answers, with nothing.
func (r *Relays) follow(ctx context.Context, p Person, relay, desk consent.RelayID) (WaysBack, error) {
	w := WaysBack{Questions: questions}
	secret := vault.Secret{Password: p.Password}
	v, err := r.Vaults.Unlock(ctx, vault.Password{Login: p.Login, Secret: p.Password})
	if err != nil {
		return w, err
	}
	defer v.Close()
	_, err = r.Service.Follow(ctx, v, consent.Follow{
		Relay: relay, Scope: vault.ScopeAdd, Notice: notice.Following("fr"), Agreed: true, Name: Name, Channel: "demo",
	}, secret)
	if err != nil {
		return w, err
	}
	made, err := r.Recovery.Enrol(ctx, v, recovery.Enrolment{
		Sheet:   &recovery.NewSheet{Private: true},
		Answers: &recovery.NewAnswers{Questions: questions, ByCall: r.Independent},
		Helpers: &recovery.NewHelpers{},
		Desk:    desk, Notice: notice.WaysBack("fr"), Agreed: true,
	}, secret)
	if err != nil {
		return w, err
	}
	w.Sheet = made.Sheet.Code
	for _, p := range made.Paths { // it is printed, on the terminal
		if p.Kind != vault.PathSheetRelay && p.Kind != vault.PathSheetDesk {
			continue
		}
		if err := r.Recovery.Confirm(ctx, v, p.ID); err != nil {
			return w, err
		}
	}
	return w, nil
}
