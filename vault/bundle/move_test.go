package bundle_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkill"
	"reconnect.example/quota"
	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
	"reconnect.example/vault/vaulttest"
)

// A person with hundreds of papers takes everything out, erases the space, and brings it
// into another: every paper is the same, byte for byte, and what was private is private.
func TestASpaceMovesWhole(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, &vaulttest.Options{Folder: t.TempDir()})
	old := furnished(t, stage, sized(60, 500))
	before := inside(t, old.Vault)
	raw := export(t, old.Vault)
	_, err := old.Vault.Erase(t.Context(), old.Password)
	require.NoError(t, err)

	fresh := stage.Person(t)
	b := open(t, raw)
	require.Equal(t, "reconnect-bundle", b.Format)
	require.True(t, b.Complete)
	shared := &vault.ImportOptions{Compartment: vault.Shared}
	plan, err := b.Plan(t.Context(), fresh.Vault, shared)
	require.NoError(t, err)
	require.True(t, plan.Fits())
	require.Empty(t, inside(t, fresh.Vault), "a plan does nothing")
	done, err := b.Import(t.Context(), fresh.Vault, shared)
	require.NoError(t, err)
	require.Equal(t, plan.New, done.New)
	require.Equal(t, before, inside(t, fresh.Vault))
	all, err := fresh.Vault.List(t.Context(), nil)
	require.NoError(t, err)
	n, private := 0, 0
	for _, it := range all {
		if _, ok := it.Origin.Former(); ok {
			n++
		}
		if it.Kind == vault.KindDocument && it.Compartment == vault.Private {
			private++
		}
	}
	require.Equal(t, private, sized(60, 500)-sized(20, 167), "what was private is private")
	require.GreaterOrEqual(t, n, len(before), "each says where it comes from")

	again, err := b.Import(t.Context(), fresh.Vault, nil)
	require.NoError(t, err)
	require.Zero(t, again.New)
	next := export(t, fresh.Vault)
	second, err := open(t, next).Import(t.Context(), fresh.Vault, nil)
	require.NoError(t, err)
	require.Zero(t, second.New, "a bundle brought back to where it was made brings nothing new")
}

func TestAThingIsKnownByItsFirstNameAfterTwoMoves(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	first := export(t, furnished(t, stage, 3).Vault)
	second, third := stage.Person(t), stage.Person(t)
	_, err := open(t, first).Import(t.Context(), second.Vault, nil)
	require.NoError(t, err)
	next := export(t, second.Vault)
	_, err = open(t, next).Import(t.Context(), third.Vault, nil)
	require.NoError(t, err)
	for _, from := range [][]byte{first, next} {
		more, err := open(t, from).Import(t.Context(), third.Vault, nil)
		require.NoError(t, err)
		require.Zero(t, more.New)
	}
}

// Who brings a bundle back into the space of which it was made has nothing twice.
func TestABundleBringsNothingNewToWhereItWasMade(t *testing.T) {
	t.Parallel()
	p := furnished(t, vaulttest.New(t, nil), 4)
	before := inside(t, p.Vault)
	done, err := open(t, export(t, p.Vault)).Import(t.Context(), p.Vault, nil)
	require.NoError(t, err)
	require.Zero(t, done.New)
	require.Equal(t, before, inside(t, p.Vault))
}

func TestPrivateUnlessThePersonSaysOtherwise(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	raw := export(t, furnished(t, stage, 6).Vault)
	fresh := stage.Person(t)
	_, err := open(t, raw).Import(t.Context(), fresh.Vault, nil)
	require.NoError(t, err)
	shared, err := fresh.Vault.List(t.Context(), &vault.ListOptions{Compartment: vault.Shared, Kind: vault.KindDocument})
	require.NoError(t, err)
	require.Empty(t, shared)
}

func TestAnUnpackedBundleIsOneToo(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	p := furnished(t, stage, 6)
	dir := t.TempDir()
	_ = rezipped(t, export(t, p.Vault), func(all []entry) []entry {
		for _, e := range all {
			where := filepath.Join(dir, filepath.FromSlash(e.name))
			require.NoError(t, os.MkdirAll(filepath.Dir(where), 0o700))
			require.NoError(t, os.WriteFile(where, e.data, 0o600))
		}
		return all
	})
	b, err := bundle.OpenFolder(t.Context(), os.DirFS(dir), nil)
	require.NoError(t, err)
	fresh := stage.Person(t)
	_, err = b.Import(t.Context(), fresh.Vault, nil)
	require.NoError(t, err)
	require.Equal(t, inside(t, p.Vault), inside(t, fresh.Vault))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "reconnect", "data", "documents", "link")))
	_, err = bundle.OpenFolder(t.Context(), os.DirFS(dir), nil)
	require.ErrorIs(t, err, bundle.ErrPath)
}

func TestTooLittleRoomIsSaidBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	raw := export(t, furnished(t, stage, 12).Vault)
	small := vaulttest.New(t, &vaulttest.Options{Quota: quota.Config{Allowance: 300_000, Increased: 300_000}})
	p := small.Person(t)
	plan, err := open(t, raw).Plan(t.Context(), p.Vault, nil)
	require.NoError(t, err)
	require.False(t, plan.Fits())
	_, err = open(t, raw).Import(t.Context(), p.Vault, nil)
	require.ErrorIs(t, err, vault.ErrFull)
	require.Empty(t, inside(t, p.Vault))
}

// childImport tells a child process what to import, and where.
const childImport = "BUNDLE_TEST_CHILD"

type importOrder struct {
	Folder, File    string
	Start           time.Time
	Login, Password string
}

func importUntilKilled(o importOrder) error {
	ctx := context.Background()
	stage, err := vaulttest.Open(ctx, &vaulttest.Options{Folder: o.Folder, Start: o.Start})
	if err != nil {
		return err
	}
	v, err := stage.Unlock(ctx, vault.Password{Login: o.Login, Secret: o.Password})
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(o.File)
	if err != nil {
		return err
	}
	b, err := bundle.Open(ctx, bytes.NewReader(raw), int64(len(raw)), nil)
	if err != nil {
		return err
	}
	_, err = b.Import(ctx, v, &vault.ImportOptions{Progress: func(done int) { fmt.Println("done", done) }})
	if err != nil {
		return err
	}
	fmt.Println("all")
	select {} // until it is killed
}

// The server is killed in the middle of an import, again and again. What is there is
// whole; the import that is begun anew brings the rest, and doubles nothing.
func TestAnImportThatIsKilledGoesOn(t *testing.T) {
	t.Parallel()
	source := vaulttest.New(t, nil)
	p := furnished(t, source, 40)
	want := inside(t, p.Vault)
	o := importOrder{Folder: t.TempDir(), Start: source.Clock.Now(), File: filepath.Join(t.TempDir(), "bundle.zip")}
	require.NoError(t, os.WriteFile(o.File, export(t, p.Vault), 0o600))
	look := func(do func(v *vault.Vault)) {
		stage, err := vaulttest.Open(t.Context(), &vaulttest.Options{Folder: o.Folder, Start: o.Start})
		require.NoError(t, err)
		if o.Login == "" {
			fresh := stage.Person(t)
			o.Login, o.Password = fresh.Login, fresh.Password
		}
		v, err := stage.Unlock(t.Context(), vault.Password{Login: o.Login, Secret: o.Password})
		require.NoError(t, err)
		do(v)
		require.NoError(t, stage.Close())
	}
	look(func(*vault.Vault) {})
	kills, there := 0, 0
	for ended := false; !ended; {
		lines := 2 + there + rand.IntN(sized(20, 14)) // what is there is passed over in a moment
		testkill.Child(t, childImport, o, func(line string) time.Duration {
			if lines--; line == "all" {
				ended = true
				return 0
			} else if lines == 0 {
				return rand.N(5 * time.Millisecond)
			}
			return testkill.Never
		})
		kills++
		look(func(v *vault.Vault) {
			now := inside(t, v)
			for name, is := range now {
				require.Equal(t, want[name], is, "whole or not there")
			}
			require.GreaterOrEqual(t, len(now), there)
			there = len(now)
		})
	}
	require.Equal(t, len(want), there)
	t.Logf("%d kills; %d things, each once", kills, there)
}
