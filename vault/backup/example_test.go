package backup_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"reconnect.example/internal/testkeys"
	"reconnect.example/storage/filestore"
	"reconnect.example/vault"
	"reconnect.example/vault/backup"
	"reconnect.example/vault/local"
)

// A program that embeds vaults takes a backup of its own, while people use them.
func ExampleTake() {
	testkeys.UseCheapKDF() // in tests only
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	ctx := context.Background()
	vaults, err := local.Open(filepath.Join(folder, "data"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vaults.Close()
	notice := vault.Notice{Version: "1", Language: "en", Text: "What we keep, and who can see it."}
	if _, err := vaults.Create(ctx, vault.CreateRequest{Password: "four words to keep", Notice: notice, Consent: true}); err != nil {
		fmt.Println(err)
		return
	}

	copies := filepath.Join(folder, "copies") // on another disk, better
	documents, err := filestore.Open(filepath.Join(copies, backup.DocumentsName), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer documents.Close()
	source := backup.Source{Store: vaults.Store, Blobs: vaults.Blobs, Witness: vaults.WitnessStore}
	name, m, err := backup.Take(ctx, source, copies, documents)
	if err != nil {
		fmt.Println(err)
		return
	}
	spoilt, err := backup.Verify(ctx, copies, name, documents, nil)
	fmt.Println(m.Witness != nil, len(m.Damaged), len(spoilt), err)
	// Output: true 0 0 <nil>
}
