// Command embed opens a safe, keeps a paper in it, and takes everything out again.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

func main() {
	if err := run(context.Background(), "./data", os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, folder string, zip *os.File) error {
	vaults, err := local.Open(folder)
	if err != nil {
		return err
	}
	defer vaults.Close()
	notice := vault.Notice{Version: "1", Language: "en", Text: "What we keep, and who can see it."}
	v, err := vaults.Create(ctx, vault.CreateRequest{Password: "four words to keep", Notice: notice, Consent: true})
	if err != nil {
		return err
	}
	paper := vault.NewDocument{Name: "Birth certificate", MediaType: "text/plain"} // private unless shared
	doc, err := v.AddDocument(ctx, paper, strings.NewReader("a scan, of any length"))
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "kept", doc.Name, "in", doc.Document.Stored, "bytes that only its holder can read")
	return v.Export(ctx, zip, nil)
}
