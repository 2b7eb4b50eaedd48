package vault_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// A person makes a poster for the hospital: whoever scans it leaves a paper, and sees nothing.
// What was left is the person's when they sign in next.
func ExampleVault_MakeLink() {
	if err := leftByAPoster(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// deposit for Hôpital
	// taken
	// Prescription, from Hôpital, private
	// ended: vault: this was not taken, give it to the person on another way
}

func leftByAPoster(ctx context.Context) error {
	stage, err := vaulttest.Open(ctx, nil)
	if err != nil {
		return err
	}
	defer stage.Close()
	amina, err := stage.NewPerson(ctx)
	if err != nil {
		return err
	}
	// The code goes behind the # of an address, and under its QR code.
	poster, err := amina.Vault.MakeLink(ctx, vault.NewLink{Kind: vault.LinkDeposit, Label: "Hôpital"}, nil)
	if err != nil {
		return err
	}

	face, err := stage.FaceOfLink(ctx, poster.Code) // the nurse, who has no account
	if err != nil {
		return err
	}
	fmt.Println(face.Kind, "for", face.Label)
	err = stage.LeaveByLink(ctx, poster.Code, vault.NewDocument{Name: "Prescription"}, strings.NewReader("Two a day, for a week."))
	if err != nil {
		return err
	}
	fmt.Println("taken")

	again, err := stage.Unlock(ctx, amina.Secret())
	if err != nil {
		return err
	}
	papers, err := again.List(ctx, &vault.ListOptions{Kind: vault.KindDocument})
	if err != nil {
		return err
	}
	for _, it := range papers {
		fmt.Printf("%s, from %s, %s\n", it.Name, it.Origin.By.Name, it.Compartment)
	}
	if err := again.EndLink(ctx, poster.ID); err != nil {
		return err
	}
	err = stage.LeaveByLink(ctx, poster.Code, vault.NewDocument{Name: "Another"}, strings.NewReader("text"))
	fmt.Println("ended:", err)
	return nil
}

// A person lets a clerk read their identity card once, within the hour.
func ExampleVaults_OpenByLink() {
	if err := readOnce(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Identity card: No. 880692310285, and 0 times left
	// again: vault: what was allowed has ended
	// used 1 times, ended by used
}

func readOnce(ctx context.Context) error {
	stage, err := vaulttest.Open(ctx, nil)
	if err != nil {
		return err
	}
	defer stage.Close()
	amina, err := stage.NewPerson(ctx)
	if err != nil {
		return err
	}
	card, err := amina.Vault.AddDocument(ctx, vault.NewDocument{Name: "Identity card"}, strings.NewReader("No. 880692310285"))
	if err != nil {
		return err
	}
	// Who has the code reads the card without any other secret: the person shows theirs again.
	link, err := amina.Vault.MakeLink(ctx, vault.NewLink{
		Kind: vault.LinkPaper, Label: "Prefecture", Item: card.ID, Times: 1, Until: stage.Clock.Now().Add(time.Hour),
	}, &vault.Secret{Password: amina.Password})
	if err != nil {
		return err
	}

	paper, err := stage.OpenByLink(ctx, link.Code) // the clerk
	if err != nil {
		return err
	}
	text, err := io.ReadAll(paper)
	if err != nil {
		return err
	}
	if err := paper.Close(); err != nil {
		return err
	}
	fmt.Printf("%s: %s, and %d times left\n", paper.Item.Name, text, paper.Left)
	_, err = stage.OpenByLink(ctx, link.Code)
	fmt.Println("again:", err)

	links, _, err := amina.Vault.Links(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("used %d times, ended by %s\n", links[0].Used, links[0].EndedBy)
	return nil
}
