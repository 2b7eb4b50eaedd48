package consent_test

import (
	"context"
	"errors"
	"fmt"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
)

// A phone is lost that was signed in. A worker of a relay that follows ends all sessions;
// the person signs in again wherever they are.
func ExamplePost_StopSessions() {
	if err := phoneIsLost(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// the phone is signed out: true
	// the person reads: vault.sessions-ended Samir other: lost phone
}

func phoneIsLost(ctx context.Context) error {
	stage, err := consenttest.Open(ctx, nil)
	if err != nil {
		return err
	}
	defer stage.Close()
	harbour, err := stage.NewRelay(ctx, "Harbour")
	if err != nil {
		return err
	}
	samir, err := harbour.NewHire(ctx, "Samir", consent.RoleHelp)
	if err != nil {
		return err
	}
	amina, err := stage.NewPerson(ctx)
	if err != nil {
		return err
	}
	_, err = stage.Follow(ctx, amina.Vault, consent.Follow{
		Relay: harbour.ID, Scope: vault.ScopeSee, Notice: notice, Agreed: true, Name: "Amina",
	}, vault.Secret{Password: amina.Password})
	if err != nil {
		return err
	}
	in := vault.Password{Login: amina.Login, Secret: amina.Password, Session: &vault.SessionRequest{Device: "phone"}}
	phone, err := stage.Vaults.Unlock(ctx, in)
	if err != nil {
		return err
	}

	post, err := samir.Worker.At(ctx, harbour.ID)
	if err != nil {
		return err
	}
	defer post.Close()
	if err := post.StopSessions(ctx, amina.Vault.ID(), consent.Purpose{Code: consent.PurposeOther, Text: "lost phone"}); err != nil {
		return err
	}
	_, err = stage.Vaults.Resume(ctx, phone.Token())
	fmt.Println("the phone is signed out:", errors.Is(err, vault.ErrSessionEnded))

	in.Session = &vault.SessionRequest{Device: "library"}
	again, err := stage.Vaults.Unlock(ctx, in)
	if err != nil {
		return err
	}
	defer again.Close()
	happened, err := again.Journal(ctx, &vault.JournalOptions{Limit: 3})
	for _, h := range happened {
		if h.Actor.Kind == vault.ActorWorker {
			fmt.Println("the person reads:", h.Act, h.Actor.Name, h.Purpose)
		}
	}
	return err
}
