// Command partner is the program of a public body: it asks a person for papers by the code
// that they gave, waits for their answer, and opens what they chose to present. With LINK, to
// which the person agreed before, it leaves the paper that is its argument in their inbox.
package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"reconnect.example/consent"
	"reconnect.example/refserver/api/apiclient"
)

// partner is what the program of a partner knows. Keys stays on its machine: neither the
// token nor what is fetched needs it to be anywhere else.
type partner struct {
	Server  string // "https://espace.example.org"
	ID      consent.PartnerID
	Keys    consent.PartnerKeys // of the file that refserver admin partner keys made
	Service []byte              // the public key of the service, compared once on another way
	HTTP    *http.Client
	Now     func() time.Time
	Wait    func(context.Context) error // until it looks again
}

func main() {
	keys, err := consent.OpenPartnerFile(os.Getenv("PARTNER_KEYS"))
	if err != nil {
		log.Fatal(err)
	}
	p := partner{Server: os.Getenv("SERVER"), Keys: keys, HTTP: http.DefaultClient, Now: time.Now, Wait: func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Minute):
			return nil
		}
	}}
	if err := json.Unmarshal([]byte(`"`+os.Getenv("SERVICE_KEY")+`"`), &p.Service); err != nil {
		log.Fatal(err)
	}
	if err := p.ID.UnmarshalText([]byte(os.Getenv("PARTNER"))); err != nil {
		log.Fatal(err)
	}
	if link := os.Getenv("LINK"); link != "" && len(os.Args) == 2 {
		err = p.leave(context.Background(), link, os.Args[1])
	} else {
		err = p.run(context.Background(), os.Getenv("CODE"), os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// leave leaves a paper with a person. Nothing but that it was taken is told, nor why it was
// not: they may have closed their inbox, or let this partner leave nothing more.
func (p *partner) leave(ctx context.Context, link, path string) error {
	paper, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	token, err := p.token(ctx)
	if err != nil {
		return err
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file := func() error { // behind the fields, which say whose it is
		part, err := w.CreateFormFile("file", filepath.Base(path))
		if err == nil {
			_, err = part.Write(paper)
		}
		return err
	}
	err = errors.Join(w.WriteField("link", link), w.WriteField("name", filepath.Base(path)), file(), w.Close())
	if err != nil {
		return err
	}
	client := &apiclient.Client{Server: p.Server + "/api/v1", HTTP: p.HTTP}
	_, err = client.LeaveDocumentAsPartner(ctx, w.FormDataContentType(), &form, apiclient.Bearer(token))
	return err
}

func (p *partner) run(ctx context.Context, code string, out io.Writer) error {
	client := &apiclient.Client{Server: p.Server + "/api/v1", HTTP: p.HTTP}
	token, err := p.token(ctx)
	if err != nil {
		return err
	}
	asked, err := client.AskPerson(ctx, apiclient.AskPersonRequest{
		Code: code, Kinds: []string{string(consent.PaperIdentity)}, Lasts: p.Now().Add(7 * 24 * time.Hour),
		Purpose: apiclient.PartnerPurpose{Code: string(consent.PurposeBenefits), Text: "ouvrir votre droit à l'aide au logement"},
	}, apiclient.Bearer(token))
	if err != nil {
		return err
	}
	ask := asked.Value // to be kept beside the file: it is the only way to the answer
	for {
		if token, err = p.token(ctx); err != nil { // the person may take days, and a token lasts ten minutes
			return err
		}
		taken, err := client.TakePresentation(ctx, ask, apiclient.Bearer(token))
		var refused *apiclient.Problem
		if errors.As(err, &refused) && strings.HasSuffix(refused.Type, "/no-answer") { // also if the person said no
			fmt.Fprintln(out, "no answer")
			if err := p.Wait(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		return p.open(ctx, client, token, ask, taken.Value, out)
	}
}

// token proves with a signature who asks (RFC 7523), and is given a token for ten minutes.
func (p *partner) token(ctx context.Context) (string, error) {
	seed, _ := p.Keys.Seeds()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: ed25519.NewKeyFromSeed(seed)}, nil)
	if err != nil {
		return "", err
	}
	assertion, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: p.ID.String(), Subject: p.ID.String(), Audience: jwt.Audience{p.Server + "/oauth/token"},
		ID: rand.Text(), IssuedAt: jwt.NewNumericDate(p.Now()), Expiry: jwt.NewNumericDate(p.Now().Add(time.Minute)),
	}).Serialize()
	if err != nil {
		return "", err
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Server+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := p.HTTP.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var said struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&said); err != nil || said.Token == "" {
		return "", errors.Join(fmt.Errorf("no token: %s", said.Error), err)
	}
	return said.Token, nil
}

// open verifies and opens what was fetched, and fetches the papers in it.
func (p *partner) open(ctx context.Context, client *apiclient.Client, token string, ask apiclient.AskToken, taken apiclient.Handed, out io.Writer) error {
	raw, err := json.Marshal(taken)
	if err != nil {
		return err
	}
	var handed consent.Handed
	if err := json.Unmarshal(raw, &handed); err != nil {
		return err
	}
	papers, err := consent.OpenHanded(p.Keys, p.ID, p.Service, handed)
	if err != nil {
		return err
	}
	for _, item := range papers.Items {
		sealed, err := client.TakeDocument(ctx, apiclient.TakeDocumentRequest{Ask: ask.Ask, Item: item.ID.String()}, apiclient.Bearer(token))
		if err != nil {
			return err
		}
		plain, err := papers.Read(item.ID, bytes.NewReader(sealed.Value))
		if err != nil {
			return err
		}
		content, err := io.ReadAll(plain)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %s\n", item.Name, content)
	}
	return nil
}
