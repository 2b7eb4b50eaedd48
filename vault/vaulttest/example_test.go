package vaulttest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
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

// A store exchanges the contents of two letters. Nobody is shown the wrong one.
func ExampleOptions() {
	ctx := context.Background()
	host := storagetest.NewMalicious(memstore.New(), memstore.NewBlobs())
	stage, err := vaulttest.Open(ctx, &vaulttest.Options{Records: host, Documents: host.Blobs()})
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
	for _, text := range []string{"Your request was granted.", "Your request was refused."} {
		if _, err := amina.Vault.AddDocument(ctx, vault.NewDocument{Name: text}, strings.NewReader(text)); err != nil {
			fmt.Println(err)
			return
		}
	}

	letters := host.BlobNames("")
	host.Blob(letters[0]).Swap(host.Blob(letters[1]))
	all, err := amina.Vault.List(ctx, &vault.ListOptions{Kind: vault.KindDocument})
	fmt.Println(len(all), err)
	for _, letter := range all {
		content, err := amina.Vault.ReadDocument(ctx, letter.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		text, err := io.ReadAll(content)
		fmt.Printf("%q %v\n", text, errors.Is(err, vault.ErrTampered))
		_ = content.Close()
	}
	// Output:
	// 2 <nil>
	// "" true
	// "" true
}
