package witness_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testkill"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/sqlitestore"
)

// childEnv makes this test binary a witness that works until it is killed.
const childEnv = "WITNESS_TEST_CHILD"

func TestMain(m *testing.M) {
	testkill.Main(m, map[string]func(string) error{
		childEnv: testkill.Errand(workUntilKilled), putBackEnv: testkill.Errand(putBackUntilKilled),
	})
}

// theSamePerson is one that parent and child both know.
func theSamePerson(t require.TestingT) *person {
	key, err := seal.SigningKeyFromBytes([]byte("the witness's tests know this key"[:32]))
	require.NoError(t, err)
	return &person{t: t, vault: [16]byte{'k'}, keys: []seal.SigningKey{key}, service: key.Public()}
}

// mustNot makes require usable outside a test.
type mustNot struct{}

func (mustNot) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format, args...) }
func (mustNot) FailNow()                          { os.Exit(1) }

func openSQLite(folder string) (*storage.Store, error) {
	driver, err := sqlitestore.Open(context.Background(), filepath.Join(folder, "witness.db"), nil)
	if err != nil {
		return nil, err
	}
	return storage.New(driver), nil
}

// workUntilKilled prints a number after each round that was acknowledged.
func workUntilKilled(folder string) error {
	ctx := context.Background()
	store, err := openSQLite(folder)
	if err != nil {
		return err
	}
	w, err := witness.New(witness.Config{Store: store})
	if err != nil {
		return err
	}
	p := theSamePerson(mustNot{})
	var first witness.Evaluation
	for round := uint64(1); ; round++ {
		h := p.head(round, nil)
		if _, err := w.Raise(ctx, p.vault, h.heads(), h.record, false); err != nil {
			return err
		}
		if _, err := w.Raise(ctx, p.vault, []witness.Checkpoint{at("shared", round, 's')}, nil, true); err != nil {
			return err
		}
		tries, err := w.Count(ctx, p.vault, password)
		if err != nil || tries.Wait > 0 {
			return fmt.Errorf("round %d: %v %w", round, tries, err)
		}
		if err := w.Reset(ctx, p.vault, password, p.reset(password, round)); err != nil {
			return err
		}
		e, err := w.Evaluate(ctx, p.vault, card, pin, 0)
		if err != nil || e.Tries.Wait > 0 || first.Generation != 0 && first.Output != e.Output {
			return fmt.Errorf("round %d: %v %w", round, e.Tries, err)
		}
		first = e
		if err := w.Reset(ctx, p.vault, card, p.reset(card, e.Tries.Total)); err != nil {
			return err
		}
		fmt.Println(round)
	}
}

// Not parallel: a child holds copies of this process's files from its fork to
// its exec, their locks too, so that another test could not reopen its database.
func TestWhatWasAcknowledgedSurvivesKill(t *testing.T) {
	rounds := 4
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		rounds = 40
	}
	for n := range rounds {
		folder := t.TempDir()
		acknowledged := killChild(t, childEnv, folder, 1+n*7%23)

		store, err := openSQLite(folder)
		require.NoError(t, err)
		w, err := witness.New(witness.Config{Store: store})
		require.NoError(t, err)
		p := theSamePerson(t)
		latest, err := w.Latest(t.Context(), p.vault)
		require.NoError(t, err)
		require.GreaterOrEqual(t, latest[0].Version, acknowledged)
		require.GreaterOrEqual(t, latest[1].Version, acknowledged)
		record, _, err := w.OwnerSide(t.Context(), p.vault)
		require.NoError(t, err)
		require.Equal(t, latest[0].Hash, seal.Digest(record), "head and checkpoint go together")
		tries, err := w.Count(t.Context(), p.vault, password)
		require.NoError(t, err)
		require.Greater(t, tries.Total, acknowledged)
		require.LessOrEqual(t, tries.Failed, tries.Total-acknowledged, "resets too")
		tries, err = w.Tried(t.Context(), p.vault, card)
		require.NoError(t, err)
		require.GreaterOrEqual(t, tries.Total, acknowledged)
		require.LessOrEqual(t, tries.Failed, tries.Total-acknowledged)
		require.NoError(t, w.Close())
		require.NoError(t, store.Close())
	}
}

// killChild lets a child work for so many rounds, kills it in the middle of one, and
// returns the last round that it saw acknowledged.
func killChild(t *testing.T, errand, folder string, rounds int) (acknowledged uint64) {
	t.Helper()
	testkill.Child(t, errand, folder, func(line string) time.Duration {
		_, err := fmt.Sscan(line, &acknowledged)
		require.NoError(t, err)
		if rounds--; rounds == 0 {
			return 0
		}
		return testkill.Never
	})
	return acknowledged
}
