package vault_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
	"reconnect.example/quota"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

// wholes are the kinds of vectors that show something, and how a service comes to it.
var wholes = map[string]func(*testing.T, *testvectors.Vector) *shown{"vault": showVault, "directory": showDirectory, "worker": showWorker, "grant": showGrant, "card": showCard, "receipt": showReceipt,
	"return": showReturn, "locked": showLocked, "policy": showPolicy, "session": showSession,
	"helper": showHelper, "approval": showApproval, "sheet": showSheet,
	"wish": showCarried, "death": showCarried, "link": showLink, "transfer": showTransfer,
	"digits": showCode, "fingerprint": showCode, "public-text": showCode, "totp": showCode, "card-code": showCode}

// TestVectors opens every whole vault and directory among the vectors as a service
// would, with nothing but records, blobs and keys. internal/seal and examples/reader
// hold the other vectors, and these, against the same files.
func TestVectors(t *testing.T) {
	t.Parallel()
	all, err := testvectors.Load(vectorFolder)
	require.NoError(t, err)
	tried := 0
	for name, v := range all {
		show, ok := wholes[v.Text("kind")]
		if !ok {
			continue
		}
		tried++
		if slower > 1 && v.Text("password") != "" && name != "vault" && name != "town" { // a password at its real cost takes seconds there, and races are looked for elsewhere
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := show(t, v)
			require.Equal(t, v.Text("expect"), got.outcome)
			require.Equal(t, slices.Sorted(slices.Values(v.Lines("shows"))), got.lines)
		})
	}
	require.Greater(t, tried, 40)
}

// TestVectorOpensBySessionAndByRange takes the two other ways into the same vault.
func TestVectorOpensBySessionAndByRange(t *testing.T) {
	t.Parallel()
	all, err := testvectors.Load(vectorFolder)
	require.NoError(t, err)
	s := openVector(t, all["vault"])
	require.NoError(t, s.err)
	v, err := s.vaults.Resume(t.Context(), all["vault"].Text("token"))
	require.NoError(t, err)
	items, err := v.List(t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
	require.NoError(t, err)
	require.Len(t, items, 3)
	for _, it := range items {
		whole := read(t, v, it.ID)
		at := it.Document.Size * 2 / 3
		c, err := v.ReadDocumentRange(t.Context(), it.ID, at, -1)
		require.NoError(t, err)
		part, err := io.ReadAll(c)
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.Equal(t, whole[at:], part)
	}
}

// shown is what a vault shows to who opens it: the first thing that was wrong,
// or "success", and a line for each thing, in order.
type shown struct {
	outcome string
	lines   []string
}

func (s *shown) note(err error) bool {
	if err != nil && s.outcome == "success" {
		s.outcome = nameOf(err)
	}
	return err == nil
}

// nameOf is an error in the words of the vectors.
func nameOf(err error) string {
	var altered *vault.TamperedError
	var missing *vault.MissingError
	switch {
	case errors.As(err, &altered):
		return "tampered " + altered.What
	case errors.As(err, &missing):
		return "missing item " + missing.Item.String()
	}
	if errors.Is(err, vault.ErrUntrustedKey) { // to a stranger it reads as a wrong secret
		return vault.Code(vault.ErrUntrustedKey)
	}
	return vault.Code(err)
}

// opened is a service over the records of a vector, with one clock that stands still.
type openedVector struct {
	vaults    *vault.Vaults
	err       error
	lines     uint64 // of the journal, before anybody signed in
	store     *storage.Store
	now       func() time.Time
	directory *consent.Directory // where the vector has an authority
	register  *consent.Register
}

func openVector(t *testing.T, v *testvectors.Vector) openedVector {
	t.Helper()
	ctx, driver, blobs := t.Context(), memstore.New(), memstore.NewBlobs()
	out := openedVector{}
	for _, r := range v.All("record") {
		value := r.Data
		if value == nil {
			value = []byte{}
		}
		require.NoError(t, driver.Commit(ctx, nil, []storage.Write{{Key: r.Line, Value: value}}))
		if _, number, ok := strings.Cut(r.Line, "/j/"); ok {
			n, err := strconv.ParseUint(number, 16, 64)
			require.NoError(t, err)
			out.lines = max(out.lines, n)
		}
	}
	for _, b := range v.All("blob") {
		w, err := blobs.Create(ctx, b.Line, int64(len(b.Data)))
		require.NoError(t, err)
		_, err = w.Write(b.Data)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	path := filepath.Join(t.TempDir(), local.KeyFileName)
	require.NoError(t, os.WriteFile(path, v.Bytes("key-file"), 0o600))
	keeper, err := local.OpenKeyFile(path)
	require.NoError(t, err)
	now := func() time.Time { return time.UnixMilli(int64(v.Number("now"))) }
	books, err := quota.New(quota.Config{Now: now})
	require.NoError(t, err)
	watched := storage.New(memstore.New())
	if key := v.Bytes("evaluation-key"); len(key) > 0 {
		knownEvaluation(t, watched, key, max(1, v.Number("evaluation-generation")))
	}
	watch, err := witness.New(witness.Config{Store: watched, Now: now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, watch.Close()) })
	out.store, out.now = storage.New(driver), now
	cfg := vault.Config{Store: out.store, Blobs: blobs, Keeper: keeper, Quota: books, Checkpoints: watch, Limiter: watch, Now: now}
	if authority := v.Bytes("authority"); len(authority) > 0 {
		out.directory, err = consent.OpenDirectory(ctx, consent.DirectoryConfig{Store: out.store, Checkpoints: watch, Authority: consent.AuthorityKey(authority), Now: now})
		require.NoError(t, err)
		out.register, err = consent.NewRegister(consent.RegisterConfig{Directory: out.directory, Store: out.store, Checkpoints: watch, Now: now})
		require.NoError(t, err)
		cfg.Directory = out.register
		known(t, watch, v)
	}
	out.vaults, out.err = vault.New(ctx, cfg)
	if out.err == nil {
		t.Cleanup(func() { require.NoError(t, out.vaults.Close()) })
	}
	return out
}

func showVault(t *testing.T, vector *testvectors.Vector) *shown {
	t.Helper()
	return showPerson(t, vector, func(s *vault.Vaults) (*vault.Vault, error) {
		return s.Unlock(t.Context(), vault.Password{Login: vector.Text("login"), Secret: vector.Text("password"), Code: vector.Text("code")})
	})
}

// showPerson shows what a person sees who opens their vault.
func showPerson(t *testing.T, vector *testvectors.Vector, open func(*vault.Vaults) (*vault.Vault, error)) *shown {
	t.Helper()
	out, s := &shown{outcome: "success"}, openVector(t, vector)
	if !out.note(s.err) {
		return out
	}
	v, err := open(s.vaults)
	if !out.note(err) || !out.items(t.Context(), v) || !out.papers(t.Context(), v) || !out.said(t.Context(), v) {
		out.lines = nil
		return out
	}
	entries, err := v.Journal(t.Context(), &vault.JournalOptions{Before: s.lines + 1, Limit: 1000})
	if !out.note(err) {
		out.lines = nil
		return out
	}
	for _, e := range entries {
		out.add("journal", fmt.Sprint(e.Number), ms(e.At), who(e.Actor), string(e.Act), e.Name)
	}
	slices.Sort(out.lines)
	return out
}

func (s *shown) add(words ...string) {
	for len(words) > 0 && words[len(words)-1] == "" {
		words = words[:len(words)-1]
	}
	s.lines = append(s.lines, strings.ReplaceAll(strings.Join(words, " | "), "\n", `\n`))
}

// known makes the witness know every owner head of a vector: keys that follow others
// are believed in such heads only. One that it does not take stays unknown.
func known(t *testing.T, watch *witness.Witness, v *testvectors.Vector) {
	t.Helper()
	for _, r := range v.All("record") {
		name, ok := strings.CutSuffix(r.Line, "/h/o")
		if !ok {
			continue
		}
		id, err := vault.ParseID(name)
		require.NoError(t, err)
		if h, err := seal.OpenOwnerHead(id, r.Data); err == nil {
			_, _ = watch.Raise(t.Context(), id, []witness.Checkpoint{{Head: "owner", Restore: h.Restore, Version: h.Version, Hash: seal.Digest(r.Data)}}, r.Data, true)
		}
	}
}

// who is an actor, with a name where there is one.
func who(a vault.Actor) string {
	if a.Kind != vault.ActorWorker {
		return string(a.Kind)
	}
	return fmt.Sprintf("worker %s (%s, %s)", a.Name, a.Relay, a.Organisation)
}

func ms(t time.Time) string { return itoa(t.UnixMilli()) }

func itoa[T int | int64 | uint64](n T) string { return fmt.Sprint(n) }

// items shows what can be shown of every item; false if there is no list at all.
func (s *shown) items(ctx context.Context, v *vault.Vault) bool {
	folders := map[vault.ItemID]string{}
	var all []vault.Item
	for it, err := range v.Items(ctx) {
		if s.note(err); err != nil && it.ID.IsZero() {
			return false
		} else if err != nil {
			s.lines = append(s.lines, nameOf(err))
			continue
		}
		if all = append(all, it); it.Kind == vault.KindFolder {
			folders[it.ID] = it.Name
		}
	}
	for _, it := range all {
		details, err := details(ctx, v, it)
		if !s.note(err) {
			s.lines = append(s.lines, nameOf(err))
			continue
		}
		place := it.Compartment.String()
		if !it.Binned.IsZero() {
			place += ", binned"
		}
		words := []string{"item", it.ID.String(), it.Kind.String(), place, it.Name, folders[it.Folder], "revision " + itoa(it.Revision), it.Origin.Channel, who(it.Origin.By), ms(it.Origin.At)}
		s.add(append(words, details...)...)
		if it.Document == nil || !it.Document.Thumbnail {
			continue
		}
		small, err := v.ReadThumbnail(ctx, it.ID)
		if !s.note(err) {
			s.lines = append(s.lines, nameOf(err))
			continue
		}
		s.add("thumbnail", it.ID.String(), fmt.Sprintf("%x", sha256.Sum256(small)))
	}
	return true
}

// details are what the kind of an item has beside the rest.
func details(ctx context.Context, v *vault.Vault, it vault.Item) ([]string, error) {
	switch it.Kind {
	case vault.KindDocument:
		digest, err := readDigest(ctx, v, it.ID)
		d := it.Document
		return []string{d.MediaType, itoa(d.Size), digest, string(d.Issued), string(d.Expires)}, err
	case vault.KindContact:
		c := it.Contact
		return []string{c.Role, strings.Join(c.Phones, ", "), strings.Join(c.Emails, ", "), c.Address, c.Note}, nil
	case vault.KindAppointment:
		a := it.Appointment
		return []string{ms(a.Start), itoa(a.Duration.Milliseconds()), a.Zone, fmt.Sprint(a.AllDay), a.Place, a.With, a.Note}, nil
	case vault.KindNote:
		return []string{it.Note.Text}, nil
	}
	return nil, nil
}

func readDigest(ctx context.Context, v *vault.Vault, id vault.ItemID) (string, error) {
	c, err := v.ReadDocument(ctx, id)
	if err != nil {
		return "", err
	}
	defer c.Close()
	h := sha256.New()
	_, err = io.Copy(h, c)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

func (s *shown) papers(ctx context.Context, v *vault.Vault) bool {
	login, err := v.Login(ctx)
	if !s.note(err) {
		return false
	}
	s.add("login", login)
	consents, err := v.Consents(ctx)
	if !s.note(err) {
		return false
	}
	for _, c := range consents {
		s.add("consent", ms(c.Given), c.Notice.Version, c.Notice.Language, c.Notice.Text, c.Channel)
	}
	requests, err := v.SpaceRequests(ctx)
	if !s.note(err) {
		return false
	}
	for _, r := range requests {
		s.add("space", ms(r.Asked), r.Reason)
	}
	grants, err := v.Grants(ctx)
	if !s.note(err) {
		return false
	}
	for _, g := range grants {
		s.add("grant", g.ID.String(), g.Holder.String(), itoa(uint64(g.Scope)), ms(g.Given), until(g.Until), until(g.Ended), string(g.EndedBy))
	}
	restores, err := v.Restores(ctx)
	if !s.note(err) {
		return false
	}
	for _, r := range restores {
		s.add("restored", ms(r.Taken), ms(r.Accepted), ms(r.Confirmed))
	}
	return true
}
