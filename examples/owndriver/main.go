// Command owndriver runs vaults on a database of one's own: package boltstore is the driver, everything
// above it is as everywhere. Its test shows how a driver is proved.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"reconnect.example/examples/owndriver/boltstore"
	"reconnect.example/quota"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/filestore"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

func main() {
	if err := run(context.Background(), "./data", os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, folder string, out io.Writer) (err error) {
	if err := local.MakeFolder(folder); err != nil {
		return err
	}
	records, err := boltstore.Open(filepath.Join(folder, "records.bolt"))
	if err != nil {
		return err
	}
	store := storage.New(records) // transactions, limits and retries: written once, over any driver
	defer func() { err = errors.Join(err, store.Close()) }()

	// The witness remembers what the store must not take back, so it has a store of its own. Let it be
	// somebody else's, as soon as there is somebody else.
	memory, err := boltstore.Open(filepath.Join(folder, "witness.bolt"))
	if err != nil {
		return err
	}
	remembered := storage.New(memory)
	defer func() { err = errors.Join(err, remembered.Close()) }()
	watching, err := witness.New(witness.Config{Store: remembered})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watching.Close()) }()

	blobs, err := filestore.Open(filepath.Join(folder, "documents"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	keys, err := local.OpenKeyFile(filepath.Join(folder, "service.key"))
	if err != nil {
		return err
	}
	space, err := quota.New(quota.Config{})
	if err != nil {
		return err
	}
	vaults, err := vault.New(ctx, vault.Config{Store: store, Blobs: blobs, Keeper: keys, Checkpoints: watching, Limiter: watching, Quota: space})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, vaults.Close()) }()
	return keepAPaper(ctx, vaults, out)
}

func keepAPaper(ctx context.Context, vaults *vault.Vaults, out io.Writer) error {
	notice := vault.Notice{Version: "1", Language: "en", Text: "What we keep, and who can see it."}
	v, err := vaults.Create(ctx, vault.CreateRequest{Password: "four words to keep", Notice: notice, Consent: true})
	if err != nil {
		return err
	}
	doc, err := v.AddDocument(ctx, vault.NewDocument{Name: "Birth certificate", MediaType: "text/plain"}, strings.NewReader("a scan, of any length"))
	if err != nil {
		return err
	}
	login, err := v.Login(ctx)
	if err != nil {
		return err
	}
	again, err := vaults.Unlock(ctx, vault.Password{Login: login, Secret: "four words to keep"})
	if err != nil {
		return err
	}
	paper, err := again.ReadDocument(ctx, doc.ID)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(paper)
	if err := errors.Join(err, paper.Close()); err != nil {
		return err
	}
	fmt.Fprintf(out, "kept in bbolt, and read again: %s\n", text)
	return nil
}
