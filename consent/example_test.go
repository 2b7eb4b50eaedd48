package consent_test

import (
	"context"
	"fmt"

	"reconnect.example/consent"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/vault"
)

// An authority names a relay, on a machine of its own; a server publishes what it
// signed, and asks it.
func ExampleDirectory() {
	ctx := context.Background()
	authority := consent.NewAuthority() // in earnest: consent.MakeAuthorityFile, once
	first, err := authority.Begin()
	if err != nil {
		fmt.Println(err)
		return
	}
	town := consent.Organisation{ID: consent.NewOrganisationID(), Name: "Ville de Lyon", Country: "FR"}
	centre := consent.Relay{
		ID: vault.ID{1}, Key: newKey(), // both are those of the relay's own space
		Organisation: town.ID, Name: "Accueil de jour", Type: consent.TypeDayCentre, Country: "FR", Since: "2026-01-05",
	}
	licence := consent.Licence{Relay: centre.ID, Number: "2026-17", From: "2026-01-01", To: "2999-12-31", Fee: 150_000, Currency: "EUR"}
	signed, err := authority.Sign(first, consent.Change{Organisation: &town}, consent.Change{Relay: &centre}, consent.Change{Licence: &licence})
	if err != nil {
		fmt.Println(err)
		return
	}
	stick, err := signed.Bundle()
	if err != nil {
		fmt.Println(err)
		return
	}

	guard, err := witness.New(witness.Config{Store: storage.New(memstore.New())})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer guard.Close()
	directory, err := consent.OpenDirectory(ctx, consent.DirectoryConfig{
		Store: storage.New(memstore.New()), Checkpoints: guard, Authority: authority.Public(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := directory.Publish(ctx, stick); err != nil {
		fmt.Println(err)
		return
	}
	relay, err := directory.Relay(ctx, centre.ID)
	fmt.Println(relay.Name, err)
	state, err := directory.Licence(ctx, centre.ID)
	fmt.Println(state.Status, state.MayOpen(), err)
	fmt.Println(consent.SameFingerprint(consent.Fingerprint(centre.Key), relay.Key))
	// Output:
	// Accueil de jour <nil>
	// in-force true <nil>
	// true
}
