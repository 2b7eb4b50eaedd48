// Command relay shows how a program lets a relay help a person: an authority says
// who the relay is, its founder signs in with a code from their phone, and opens an
// account with a person, who types the password. The worker then sees what the person
// shares, and the person reads who looked, and why, and ends it.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

var notice = vault.Notice{Version: "1", Language: "en", Text: "What is kept, who can see it, and how to end it."}

func main() {
	if err := run(context.Background(), "./data", os.Stdout, time.Now); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, folder string, out io.Writer, now func() time.Time) error {
	authority := consent.NewAuthority() // its key belongs on another machine: consent.MakeAuthorityFile
	centre, err := open(ctx, folder, authority.Public(), now)
	if err != nil {
		return err
	}
	defer centre.Close()

	worker, relay, err := centre.found(ctx, authority)
	if err != nil {
		return err
	}
	defer worker.Close()
	post, err := worker.At(ctx, relay)
	if err != nil {
		return err
	}
	defer post.Close()

	// Worker and person together. The person types the password and says yes, twice.
	account, err := post.OpenAccount(ctx, consent.NewAccount{
		Name: "Amina", Password: "four words to keep", Notice: notice, Consent: true,
		Follow: notice, Agreed: true, Scope: vault.ScopeAdd,
	})
	if err != nil {
		return err
	}
	amina := account.Vault
	defer amina.Close()
	for name, in := range map[string]vault.Compartment{"Birth certificate": vault.Shared, "Diary": vault.Private} {
		if _, err := amina.AddDocument(ctx, vault.NewDocument{Name: name, Compartment: in}, strings.NewReader("a scan")); err != nil {
			return err
		}
	}

	// Another day. The worker opens the space as themselves, for a purpose.
	opened, err := post.Open(ctx, amina.ID(), consent.Purpose{Code: consent.PurposeHousing, Text: "the file for the town hall"})
	if err != nil {
		return err
	}
	defer opened.Close()
	papers, err := opened.List(ctx, &vault.ListOptions{Kind: vault.KindDocument})
	if err != nil {
		return err
	}
	for _, p := range papers {
		fmt.Fprintln(out, "the worker sees:", p.Name)
	}

	// The person reads who looked and why, and ends it at a tap.
	happened, err := amina.Journal(ctx, &vault.JournalOptions{Limit: 1})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "the person reads:", happened[0].Actor.Name, "of", happened[0].Actor.Relay, "-", happened[0].Act, "-", happened[0].Purpose)
	followers, err := centre.Followers(ctx, amina)
	if err != nil {
		return err
	}
	if _, err := centre.Withdraw(ctx, amina, followers[0].Grant, nil); err != nil {
		return err
	}
	_, err = opened.List(ctx, nil)
	fmt.Fprintln(out, "then:", err)
	return nil
}
