package consent_test

import (
	"context"
	"fmt"
	"strings"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
)

// notice is what a person reads before they let somebody see.
var notice = vault.Notice{Version: "1", Language: "en", Text: "They will see what you share, until you end it."}

// A person lets a relay follow, a worker opens what they share, the person reads who
// it was and why, and ends it.
func ExampleService_Follow() {
	ctx := context.Background()
	stage, err := consenttest.Open(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stage.Close()
	harbour, err := stage.NewRelay(ctx, "Harbour")
	if err != nil {
		fmt.Println(err)
		return
	}
	samir, err := harbour.NewHire(ctx, "Samir", consent.RoleHelp)
	if err != nil {
		fmt.Println(err)
		return
	}
	amina, err := stage.NewPerson(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}

	receipt, err := stage.Follow(ctx, amina.Vault, consent.Follow{
		Relay: harbour.ID, Scope: vault.ScopeAdd, Notice: notice, Agreed: true, Name: "Amina",
	}, vault.Secret{Password: amina.Password})
	fmt.Println(receipt.Event.State, receipt.Recipient.Name, receipt.Verify(stage.PublicKey()), err)

	post, err := samir.Worker.At(ctx, harbour.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer post.Close()
	people, err := post.People(ctx)
	fmt.Println(people[0].Name, err)
	v, err := post.Open(ctx, people[0].Vault, consent.Purpose{Code: consent.PurposeHousing})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = v.AddDocument(ctx, vault.NewDocument{Name: "Lease"}, strings.NewReader("…"))
	fmt.Println(err)

	happened, err := stage.WhatHappened(ctx, amina.Vault, &vault.JournalOptions{Limit: 1})
	fmt.Println(happened[0].Act, happened[0].Name, happened[0].Actor.Name, happened[0].Actor.Relay, happened[0].Why, err)
	followers, err := stage.Followers(ctx, amina.Vault)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = stage.Withdraw(ctx, amina.Vault, followers[0].Grant, nil)
	fmt.Println(err)
	_, err = v.List(ctx, nil)
	fmt.Println(err)
	// Output:
	// given Harbour <nil> <nil>
	// Amina <nil>
	// <nil>
	// item.added Lease Samir Harbour housing <nil>
	// <nil>
	// vault: what was allowed has ended
}

// Somebody visits a centre that does not follow them, and shows a worker one paper
// for an hour.
func ExampleService_Visit() {
	ctx := context.Background()
	stage, err := consenttest.Open(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stage.Close()
	harbour, err := stage.NewRelay(ctx, "Harbour")
	if err != nil {
		fmt.Println(err)
		return
	}
	amina, err := stage.NewPerson(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	lease, err := amina.Vault.AddDocument(ctx, vault.NewDocument{Name: "Lease"}, strings.NewReader("…"))
	if err != nil {
		fmt.Println(err)
		return
	}
	post, err := harbour.Manager.Worker.At(ctx, harbour.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer post.Close()
	screen, err := post.VisitCode(ctx) // a QR code on the worker's screen
	if err != nil {
		fmt.Println(err)
		return
	}
	who, err := stage.Visitor(ctx, screen.String())
	fmt.Println(who.At.Name, who.Organisation.Name, err)
	_, err = stage.Visit(ctx, amina.Vault, consent.NewVisit{
		Code: screen.String(), Items: []vault.ItemID{lease.ID}, Lasts: consent.MaxVisit, Notice: notice, Agreed: true, Name: "Amina",
	}, vault.Secret{Password: amina.Password})
	fmt.Println(err)
	visits, err := post.Visits(ctx)
	fmt.Println(len(visits), visits[0].Name, err)
	v, err := post.OpenVisit(ctx, visits[0].Grant, consent.Purpose{Code: consent.PurposeHousing})
	if err != nil {
		fmt.Println(err)
		return
	}
	all, err := v.List(ctx, nil)
	fmt.Println(len(all), all[0].Name, err)
	fmt.Println(amina.Vault.SignOut(ctx))
	_, err = v.List(ctx, nil)
	fmt.Println(err)
	// Output:
	// Harbour Les Amis <nil>
	// <nil>
	// 1 Amina <nil>
	// 1 Lease <nil>
	// <nil>
	// vault: what was allowed has ended
}

// A worker and a person open an account together; the login is printed, the password
// is the person's alone.
func ExamplePost_OpenAccount() {
	ctx := context.Background()
	stage, err := consenttest.Open(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stage.Close()
	harbour, err := stage.NewRelay(ctx, "Harbour")
	if err != nil {
		fmt.Println(err)
		return
	}
	post, err := harbour.Manager.Worker.At(ctx, harbour.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer post.Close()
	together := consent.NewAccount{
		Name: "Ibrahim", Password: "bato kiru mesa lova", PIN: "471903", Notice: notice, Consent: true, Follow: notice, Agreed: true, Scope: vault.ScopeAdd,
	}
	_, err = post.OpenAccount(ctx, together)
	fmt.Println(err)
	err = stage.Publish(ctx, consent.Change{Licence: &consent.Licence{Relay: harbour.ID, Number: "2026-17", From: "2026-01-01", To: "2026-12-31", Fee: 200_000, Currency: "EUR"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := post.OpenAccount(ctx, together)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(a.Login), a.Card.Code != "", a.Receipt.Event.State)
	people, err := post.People(ctx)
	fmt.Println(people[0].Name, err)
	// Output:
	// consent: the relay has no licence in force, it opens no new accounts (none)
	// 14 true given
	// Ibrahim <nil>
}
