package vaulttest_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// A letter is kept, and is still there for who signs in a week later. In a test,
// [vaulttest.New] and [vaulttest.Stage.Person] take the place of Open and
// NewPerson, and end the test at the first error.
func Example() {
	ctx := context.Background()
	stage, err := vaulttest.Open(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stage.Close()
	amina, err := stage.NewPerson(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	letter, err := amina.Vault.AddDocument(ctx, vault.NewDocument{Name: "Letter from the town hall"}, strings.NewReader("Your appointment is on 9 March."))
	if err != nil {
		fmt.Println(err)
		return
	}

	stage.Clock.Advance(7 * 24 * time.Hour)
	again, err := stage.Unlock(ctx, amina.Secret())
	if err != nil {
		fmt.Println(err)
		return
	}
	content, err := again.ReadDocument(ctx, letter.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer content.Close()
	text, err := io.ReadAll(content)
	fmt.Println(content.Item.Name, content.Item.Compartment, string(text), err)
	// Output: Letter from the town hall private Your appointment is on 9 March. <nil>
}
