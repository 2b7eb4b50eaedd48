package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// attested is what stands in the code of the sheet about a paper whose original was seen.
func (tn *town) attested(content []byte) (token string) {
	tn.Helper()
	tn.licensed()
	added, err := tn.Amina.Vault.AddDocument(tn.Context(), vault.NewDocument{Name: "Acte", Compartment: vault.Shared, MediaType: "text/plain"}, bytes.NewReader(content))
	require.NoError(tn, err)
	post := tn.Samir.At(tn, tn.Harbour)
	v, err := post.Open(tn.Context(), tn.Amina.Vault.ID(), consent.Purpose{Code: consent.PurposeHousing})
	require.NoError(tn, err)
	defer v.Close()
	a, err := post.Attest(tn.Context(), v, consent.NewAttestation{Item: added.ID, Revision: added.Revision, Kind: consent.SeenBirth, Held: true})
	require.NoError(tn, err)
	return a.Token
}

// What a clerk does with a sheet: the phone's own camera leads to the page, and the code,
// which stands behind #, into the form and out of the address. A file is compared where
// it is. Then the centre takes the sheet back.
func TestASheetIsCheckedAndRevokedInABrowser(t *testing.T) {
	t.Parallel()
	tn := newTown(t, openWindow(t), frenchOnPhones)
	content := []byte("Extrait d’acte de naissance, tel qu’il est")
	token := tn.attested(content)
	folder := t.TempDir()
	same, altered := filepath.Join(folder, "acte.txt"), filepath.Join(folder, "autre.txt")
	require.NoError(t, os.WriteFile(same, content, 0o600))
	require.NoError(t, os.WriteFile(altered, append(content, '.'), 0o600))

	clerk := tn.window.surf(t, "clerk", newPhone, "fr")
	clerk.goTo(tn.url + "/seen#" + token)
	clerk.look("checked", "attest.on", "Accueil du Port", "check-copy.not", "attest.not", "check-copy.choose")
	require.Equal(t, tn.url+"/seen", clerk.at(), "the code is left in no address")
	clerk.tells("")
	requests := clerk.requests()
	require.False(t, slices.ContainsFunc(requests, func(address string) bool { return strings.Contains(address, token[:20]) }))
	for _, c := range []struct{ file, says string }{{same, "check-copy.same"}, {altered, "check-copy.other"}, {same, "check-copy.same"}} {
		clerk.do(chromedp.SetUploadFiles(chromedp.CSS("[data-digest] input"), []string{c.file}))
		clerk.waits(c.says)
		clerk.tells(clerk.lang.T(c.says))
	}
	clerk.look("compared", "check-copy.same")
	require.Equal(t, requests, clerk.requests(), "no byte of the file leaves the device")

	samir := tn.atWork(tn.Samir, "revokes")
	samir.atTheirCentre()
	samir.tap(`$="/revoke"`, "revoke", "revoke.title", "revoke.means")
	samir.write("#f-token", tn.url+"/seen#"+token)
	samir.press("main form button.main")
	samir.look("revoke-this", "attest.on", "revoke.sure-means")
	samir.press("main form button.danger")
	samir.look("revoked", "done.revoked")

	evaluated[string](clerk, `location.hash = `+quoted(token)) // the same sheet once more, in the same window
	clerk.look("checked-again", "says.revoked")
	require.Equal(t, tn.url+"/seen", clerk.at())

	// Where scripts are off, the code is pasted, and no file is asked for.
	other := tn.window.surf(t, "clerk-without", oldPhone, "fr")
	other.goTo(tn.url + "/seen")
	other.look("check", "check-copy.title", "check-copy.means")
	other.write("#f-token", token)
	other.press("#check-copy button:not([type=button])")
	other.look("checked-too-late", "says.revoked", "paper.digest")
	require.False(t, evaluated[bool](other, `document.querySelector("input[type=file]") !== null`))
}

// tells holds what the page says of the file that was chosen.
func (s *surfer) tells(says string) {
	s.Helper()
	s.becomes(`document.querySelector("[data-digest] [role=status]").textContent === `+quoted(says), "it does not say: "+says)
}

// requests are the addresses that the browser asked for, one after the other.
func (s *surfer) requests() []string {
	s.watched.mu.Lock()
	defer s.watched.mu.Unlock()
	return slices.Clone(s.watched.asked)
}
