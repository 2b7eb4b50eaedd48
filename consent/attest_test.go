package consent_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// seen is a town where Samir has held the original of Amina's birth certificate.
type seen struct {
	*town
	v    *vault.Vault // Amina's, as Samir has it open
	item vault.Item
	a    consent.Attestation
}

func held(it vault.Item) consent.NewAttestation {
	return consent.NewAttestation{Item: it.ID, Revision: it.Revision, Kind: consent.SeenBirth, Held: true}
}

func newSeen(t *testing.T) *seen {
	t.Helper()
	s := &seen{town: newTown(t, nil)}
	s.item = s.paper(t, "Acte de naissance", vault.Shared)
	s.follow(t)
	s.v = s.openAmina(t)
	var err error
	s.a, err = s.post(t).Attest(t.Context(), s.v, held(s.item))
	require.NoError(t, err)
	s.item = s.now(t)
	return s
}

func (tn *town) openAmina(t *testing.T) *vault.Vault {
	t.Helper()
	post := tn.post(t)
	_, err := post.People(t.Context())
	require.NoError(t, err)
	v, err := post.Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.NoError(t, err)
	t.Cleanup(v.Close)
	return v
}

// now is the paper as Amina sees it.
func (s *seen) now(t *testing.T) vault.Item {
	t.Helper()
	it, err := s.amina.Vault.Item(t.Context(), s.item.ID)
	require.NoError(t, err)
	return it
}

// line is the last one of an act in Amina's journal.
func (s *seen) line(t *testing.T, act vault.Act) vault.Entry {
	t.Helper()
	all, err := s.amina.Vault.Journal(t.Context(), nil)
	require.NoError(t, err)
	at := slices.IndexFunc(all, func(e vault.Entry) bool { return e.Act == act })
	require.GreaterOrEqual(t, at, 0)
	return all[at]
}

func (s *seen) shown(t *testing.T) error {
	t.Helper()
	_, err := s.service.AttestationOf(t.Context(), s.now(t))
	return err
}

func TestAWorkerSignsThatTheOriginalWasSeenAndEverybodyCanVerifyIt(t *testing.T) {
	t.Parallel()
	s := newSeen(t)
	sum := sha256.Sum256([]byte("this is Acte de naissance"))
	for name, text := range map[string]string{"as it is": s.a.Token, "as the printout has it": "https://safe.example/seen#" + s.a.Token, "pasted": " " + s.a.Token + "\n"} {
		a, err := s.service.CheckAttestation(t.Context(), text)
		require.NoError(t, err, name)
		require.Equal(t, s.a, a)
		require.Equal(t, "Accueil de jour", a.RelayName)
		require.Equal(t, consent.SeenBirth, a.Kind)
		require.Equal(t, vault.Date(s.Clock.Now().Format(time.DateOnly)), a.Day)
		require.True(t, a.Of(sum[:]))
	}
	require.NoError(t, s.shown(t))

	// The person reads in their journal who signed.
	line := s.line(t, vault.ActAttested)
	require.Equal(t, "Samir", line.Actor.Name)
	require.Equal(t, "Acte de naissance", line.Name)
}

// What is signed is read by strangers: it names neither the person nor the paper, and
// the worker only if they want it.
func TestAnAttestationNamesNobody(t *testing.T) {
	t.Parallel()
	s := newSeen(t)
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(s.a.Token, ".")[1])
	require.NoError(t, err)
	for _, word := range []string{"Amina", "Acte", "Samir", s.amina.Vault.ID().String(), s.item.ID.String(), s.amina.Login} {
		require.NotContains(t, string(claims), word)
	}
	var all map[string]string
	require.NoError(t, json.Unmarshal(claims, &all))
	require.Len(t, all, 6)
	require.Less(t, len(s.a.Token), 700, "it must fit a QR code")

	n := held(s.item)
	n.Named = true
	a, err := s.post(t).Attest(t.Context(), s.v, n)
	require.NoError(t, err)
	require.Equal(t, "Samir", a.Worker)
	require.NotEqual(t, s.a.Serial, a.Serial)
}

func TestAnAttestationGoesWithItsPaperAndNotWithOtherBytes(t *testing.T) {
	t.Parallel()
	s := newSeen(t)
	moved, err := s.amina.Vault.Move(t.Context(), s.item.ID, s.item.Revision, vault.Private)
	require.NoError(t, err)
	require.NoError(t, s.shown(t))
	moved, err = s.amina.Vault.Move(t.Context(), moved.ID, moved.Revision, vault.Shared)
	require.NoError(t, err)
	name := "Naissance"
	edited, err := s.amina.Vault.Edit(t.Context(), moved.ID, moved.Revision, vault.Edit{Name: &name})
	require.NoError(t, err)
	require.NoError(t, s.shown(t))

	// A worker who makes it private on the person's word loses nothing either.
	require.NoError(t, s.openAmina(t).MakePrivate(t.Context(), edited.ID, edited.Revision))
	_, err = s.amina.Vault.TakeIn(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.shown(t))

	it := s.now(t)
	_, err = s.amina.Vault.ReplaceDocument(t.Context(), it.ID, it.Revision, vault.NewDocument{}, strings.NewReader("another"))
	require.NoError(t, err)
	require.ErrorIs(t, s.shown(t), vault.ErrNotFound)
	a, err := s.service.CheckAttestation(t.Context(), s.a.Token)
	require.NoError(t, err, "the old printout says what it said")
	require.False(t, a.Of(s.now(t).Document.Digest), "and nothing of the new paper")
}

func TestAnAttestationIsTakenBackByThePersonAndByTheRelayAlone(t *testing.T) {
	t.Parallel()
	s := newSeen(t)
	other := s.newPlace(t, "Autre centre")
	_, err := postAt(t, other.worker, other.relay).Revoke(t.Context(), s.a.Token)
	require.ErrorIs(t, err, consent.ErrNotAttested)
	_, err = s.service.CheckAttestation(t.Context(), s.a.Token)
	require.NoError(t, err)

	_, err = s.service.RevokeAttestation(t.Context(), s.amina.Vault, s.item.ID, s.item.Revision)
	require.NoError(t, err)
	a, err := s.service.CheckAttestation(t.Context(), s.a.Token)
	require.ErrorIs(t, err, consent.ErrRevoked)
	require.Equal(t, s.a.Serial, a.Serial)
	require.ErrorIs(t, s.shown(t), vault.ErrNotFound)
	require.Equal(t, s.item.ID, s.line(t, vault.ActAttestedRemoved).Item)

	// The relay takes back the next one: in the paper, and by a printout.
	s.a, err = s.post(t).Attest(t.Context(), s.v, held(s.now(t)))
	require.NoError(t, err)
	it := s.now(t)
	_, err = s.service.RevokeAttestation(t.Context(), s.v, it.ID, it.Revision)
	require.NoError(t, err)
	_, err = s.service.CheckAttestation(t.Context(), s.a.Token)
	require.ErrorIs(t, err, consent.ErrRevoked)
	s.a, err = s.post(t).Attest(t.Context(), s.v, held(s.now(t)))
	require.NoError(t, err)
	boss := s.centre.Hire(t, "Jeanne", consent.RoleManage).At(t, s.centre.Relay)
	_, err = boss.Revoke(t.Context(), "https://safe.example/seen#"+s.a.Token)
	require.NoError(t, err, "the worker who signed may have left")
	require.ErrorIs(t, s.shown(t), vault.ErrNotFound)

	var serials []string
	for serial, err := range s.service.RevokedAttestations(t.Context()) {
		require.NoError(t, err)
		serials = append(serials, serial)
	}
	require.Len(t, serials, 3)
	require.Contains(t, serials, s.a.Serial)
	for key, value := range scan(t, s.town, "svc/seen/r/") {
		require.Empty(t, value, "%s tells nothing about anyone", key)
	}
}

func TestOnlyWhoMayAddForALicensedRelayAttests(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	it := tn.paper(t, "Acte de naissance", vault.Shared)
	tn.follow(t)
	v, post := tn.openAmina(t), tn.post(t)

	n := held(it)
	n.Held = false
	_, err := post.Attest(t.Context(), v, n)
	require.ErrorIs(t, err, vault.ErrInvalid)
	n = held(it)
	n.Kind = "Amina's card"
	_, err = post.Attest(t.Context(), v, n)
	require.ErrorIs(t, err, vault.ErrInvalid)
	_, err = post.Attest(t.Context(), tn.amina.Vault, held(it))
	require.ErrorIs(t, err, vault.ErrNotAllowed, "nobody is a witness of their own papers")
	boss := tn.centre.Hire(t, "Jeanne", consent.RoleManage).At(t, tn.centre.Relay)
	_, err = boss.Attest(t.Context(), v, held(it))
	require.ErrorIs(t, err, vault.ErrNotAllowed, "who only manages holds nobody's papers")
	other := tn.newPlace(t, "Autre centre")
	_, err = postAt(t, other.worker, other.relay).Attest(t.Context(), v, held(it))
	require.ErrorIs(t, err, vault.ErrNotAllowed, "of another relay")

	a, err := post.Attest(t.Context(), v, held(it))
	require.NoError(t, err)
	tn.Clock.Advance(365 * 24 * time.Hour)
	tn.centre.worker = tn.centre.worker.SignIn(t, tn.Stage)
	var licence *consent.LicenceError
	_, err = tn.post(t).Attest(t.Context(), tn.openAmina(t), held(it))
	require.ErrorAs(t, err, &licence)
	_, err = tn.service.CheckAttestation(t.Context(), a.Token)
	require.NoError(t, err, "what was said while there was one, stays")
}

func TestWhoMayOnlySeeDoesNotAttest(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	it := tn.paper(t, "Acte de naissance", vault.Shared)
	yes := tn.yes()
	yes.Scope = vault.ScopeSee
	_, err := tn.service.Follow(t.Context(), tn.amina.Vault, yes, tn.secret())
	require.NoError(t, err)
	_, err = tn.post(t).Attest(t.Context(), tn.openAmina(t), held(it))
	require.ErrorIs(t, err, vault.ErrNotAllowed)
}

// When a worker leaves, the relay signs with a new key, and what was signed before
// is verified as ever: also by programs that have the key set alone.
func TestAfterARelaysKeysChangedOldAttestationsStillVerify(t *testing.T) {
	t.Parallel()
	s := newSeen(t)
	first, err := s.service.AttestKeySet(t.Context(), s.centre.relay.ID)
	require.NoError(t, err)
	leaver := s.centre.Hire(t, "Paul", consent.RoleHelp)
	_, err = s.centre.Desk(t).Remove(t.Context(), leaver.ID())
	require.NoError(t, err)

	again, err := s.post(t).Attest(t.Context(), s.openAmina(t), held(s.now(t)))
	require.NoError(t, err)
	before, err := seal.TokenKeyID(s.a.Token)
	require.NoError(t, err)
	after, err := seal.TokenKeyID(again.Token)
	require.NoError(t, err)
	require.NotEqual(t, before, after)
	for _, token := range []string{s.a.Token, again.Token} {
		_, err = s.service.CheckAttestation(t.Context(), token)
		require.NoError(t, err)
	}
	set, err := s.service.AttestKeySet(t.Context(), consent.RelayID{})
	require.NoError(t, err)
	require.Contains(t, string(set), before)
	require.Contains(t, string(set), after)
	require.NotContains(t, string(first), after)
}

// python is Debian's, with python3-jwt and python3-cryptography.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(t.Context(), name, "-c", "import jwt, cryptography").Run() == nil {
			return name
		}
	}
	require.NotEqual(t, "1", os.Getenv("RECONNECT_TEST_ALL"), "python3-jwt and python3-cryptography are missing")
	t.Skip("python3-jwt and python3-cryptography are missing")
	return ""
}

// verifyInPython is what docs/interop.md shows.
const verifyInPython = `
import json, sys, jwt
token, keys, revoked = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3].split()
head = jwt.get_unverified_header(token)
key = next(k for k in keys["keys"] if k["kid"] == head["kid"])
claims = jwt.decode(token, jwt.algorithms.ECAlgorithm.from_jwk(json.dumps(key)), algorithms=["ES256"])
assert head["typ"] == "seen+jwt"
assert head["kid"].split(".")[0] == claims["iss"], "of another relay"
assert key["since"] <= claims["day"] <= key.get("until", claims["day"]), "of another time"
assert claims["jti"] not in revoked, "revoked"
print(json.dumps(claims))
`

func TestAProgramInAnotherLanguageVerifiesOffline(t *testing.T) {
	t.Parallel()
	name := python(t)
	s := newSeen(t)
	document, err := os.ReadFile("../docs/interop.md")
	require.NoError(t, err)
	for line := range strings.Lines(strings.TrimSpace(verifyInPython)) {
		require.Contains(t, string(document), strings.TrimSpace(line), "docs/interop.md shows another program")
	}
	keys, err := s.service.AttestKeySet(t.Context(), consent.RelayID{})
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), name, "-c", verifyInPython, s.a.Token, string(keys), "").CombinedOutput()
	require.NoError(t, err, string(out))
	var claims map[string]string
	require.NoError(t, json.Unmarshal(out, &claims))
	require.Equal(t, "Accueil de jour", claims["relay"])
	require.Equal(t, base64.RawURLEncoding.EncodeToString(s.item.Document.Digest), claims["sha256"])

	out, err = exec.CommandContext(t.Context(), name, "-c", verifyInPython, s.a.Token, string(keys), s.a.Serial).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "revoked")
	parts := strings.Split(s.a.Token, ".")
	forged := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"x"}`)) + "." + parts[2]
	out, err = exec.CommandContext(t.Context(), name, "-c", verifyInPython, forged, string(keys), "").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "InvalidSignature")
}
