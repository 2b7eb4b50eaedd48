package vault_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkill"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
	"reconnect.example/vault/vaulttest"
)

// kept is what is known of a paper.
type kept struct {
	side     vault.Compartment
	revision int
	digest   string
	binned   bool
}

func (k kept) line(name string) string {
	line := fmt.Sprintf("document %q %s r%d %s", name, k.side, k.revision, k.digest)
	if k.binned {
		line += " binned"
	}
	return line
}

// account is what a person has.
type account struct {
	papers   map[string]kept
	password string
	closed   bool
	erased   bool
}

// after returns the account after a deed.
func (a account) after(d deed) account {
	a.papers = maps.Clone(a.papers)
	k := a.papers[d.Name]
	k.revision++
	switch d.What {
	case "password", "keys":
		a.password = d.Name
		return a
	case "close", "reopen":
		a.closed = d.What == "close"
		return a
	case "erase":
		a.erased = true
		return a
	case "destroy":
		delete(a.papers, d.Name)
		return a
	case "add":
		k.side, k.digest = vault.Private, digestOf(content(d.Seed, d.Size))
	case "replace":
		k.digest = digestOf(content(d.Seed, d.Size))
	case "move":
		k.side = vault.Shared + vault.Private - k.side
	case "bin", "restore":
		k.binned = d.What == "bin"
	}
	a.papers[d.Name] = k
	return a
}

func (a account) lines() []string {
	out := []string{}
	for name, k := range a.papers {
		out = append(out, k.line(name))
	}
	slices.Sort(out)
	return out
}

// tally counts over all rounds.
type tally struct {
	kills, deeds, underWay, underWayDone int
	present, erased                      int
	orphans, swept                       int
	stored                               int64
	byDeed                               map[string]int
}

// killed is a data folder whose server is killed again and again.
type killed struct {
	person  *vaulttest.Person
	order   order
	account account
	begun   map[int]deed // by worker: what it was at when it was killed
	tally   tally
}

// rounds is how often the server is killed; RECONNECT_KILLS says another number.
func rounds(t *testing.T) int {
	t.Helper()
	if n := os.Getenv("RECONNECT_KILLS"); n != "" {
		kills, err := strconv.Atoi(n)
		require.NoError(t, err)
		return kills
	}
	return sized(8/slower, 30)
}

// The server is killed in the middle of uploads, moves, changes of secrets,
// closing and erasing. What was acknowledged is there, what was under way is done
// or not, and the sweeper finds the rest.
//
//	RECONNECT_KILLS=1000 go test -run TestWhatWasAcknowledgedSurvivesKill -v -timeout 30m ./vault
func TestWhatWasAcknowledgedSurvivesKill(t *testing.T) {
	t.Parallel()
	k := &killed{order: order{Folder: t.TempDir(), Start: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}}
	k.tally.byDeed = map[string]int{}
	for k.order.Round = range rounds(t) {
		k.order.Plan = []plan{planWork, planWork, planClose, planWork, planWork, planWork, planErase}[k.order.Round%7]
		k.withStage(t, func(stage *vaulttest.Stage) {
			if k.person == nil {
				k.person = stage.Person(t)
				k.account = account{papers: map[string]kept{}, password: k.person.Password}
			}
		})
		if k.account.closed { // one worker alone may reopen it
			k.order.Plan = planClose
		}
		k.untilKilled(t)
		k.withStage(t, func(stage *vaulttest.Stage) { k.check(t, stage) })
		k.order.Start = k.order.Start.Add(24 * time.Hour)
	}
	c := k.tally
	t.Logf("%d kills; %d deeds acknowledged (%v), 0 of them lost", c.kills, c.deeds, c.byDeed)
	t.Logf("%d deeds under way when killed, of which %d were done all the same", c.underWay, c.underWayDone)
	t.Logf("documents acknowledged and present, added up over the rounds: %d; accounts erased: %d", c.present, c.erased)
	t.Logf("blobs without a record before the sweeper: %d, after it: %d", c.orphans, c.swept)
	t.Logf("quota ledger = stored in every round, at last %d bytes", c.stored)
}

func (k *killed) withStage(t *testing.T, do func(stage *vaulttest.Stage)) {
	t.Helper()
	stage, err := vaulttest.Open(t.Context(), &vaulttest.Options{Folder: k.order.Folder, Start: k.order.Start})
	require.NoError(t, err)
	defer func() { require.NoError(t, stage.Close()) }()
	do(stage)
}

// untilKilled lets a child work and kills it at whatever it is doing.
func (k *killed) untilKilled(t *testing.T) {
	t.Helper()
	k.order.Login, k.order.Password, k.order.Closed = k.person.Login, k.account.password, k.account.closed
	k.begun = map[int]deed{}
	enough := 1 + rand.IntN(50)
	testkill.Child(t, childWork, k.order, func(line string) time.Duration { // also what it said before it died
		var d deed
		require.NoError(t, json.Unmarshal([]byte(line), &d), "the child said %q", line)
		k.hear(d)
		switch enough--; { // in the middle of something, not just before it
		case d.What == "erase" && !d.End:
			return rand.N(60 * time.Millisecond)
		case enough == 0:
			return rand.N(8 * time.Millisecond)
		}
		return testkill.Never
	})
	k.tally.kills++
	k.tally.underWay += len(k.begun)
}

func (k *killed) hear(d deed) {
	if !d.End {
		k.begun[d.Worker] = d
		return
	}
	delete(k.begun, d.Worker)
	k.account = k.account.after(d)
	k.tally.deeds++
	k.tally.byDeed[d.What]++
}

// possible is what may be found: what was acknowledged, with none, some or all
// of what was under way, and how many deeds that is.
func (k *killed) possible() (accounts []account, done []int) {
	accounts, done = []account{k.account}, []int{0}
	for _, d := range k.begun {
		for i, a := range slices.Clone(accounts) {
			accounts, done = append(accounts, a.after(d)), append(done, done[i]+1)
		}
	}
	return accounts, done
}

// check looks at the folder with a server that lives: everything that was
// acknowledged is there, and what was under way is done or not.
func (k *killed) check(t *testing.T, stage *vaulttest.Stage) {
	t.Helper()
	accounts, done := k.possible()
	password := k.opens(t, stage, accounts)
	k.person.Password = password
	blobs := blobFiles(t, stage, k.order.Folder)
	if password == "" {
		passing(t, stage, 60*time.Hour)
		k.gone(t, stage, blobs)
		k.order.Start = stage.Clock.Now()
		return
	}
	id, closed := k.person.SignIn(t, stage).ID(), false
	seen := requireSound(t, stage, k.person)
	seen = slices.DeleteFunc(seen, func(line string) bool { return strings.HasPrefix(line, "folder") })
	closed = !overview(t, k.person.SignIn(t, stage)).ErasedAt.IsZero()
	found := slices.IndexFunc(accounts, func(a account) bool {
		return !a.erased && a.password == password && a.closed == closed && slices.Equal(a.lines(), seen)
	})
	require.GreaterOrEqual(t, found, 0, "acknowledged: %q\nunder way: %v\nfound: %q, closed: %v", k.account.lines(), k.begun, seen, closed)
	k.account = accounts[found]
	k.tally.underWayDone += done[found]
	k.tally.present += len(seen)

	k.tally.orphans += len(blobs.there(t)) - len(requireBooks(t, stage, id))
	settle(t, stage)
	requireTidy(t, stage, blobs, id)
	k.tally.swept += len(blobs.there(t)) - len(requireBooks(t, stage, id))
	k.tally.stored = usage(t, stage, id).Used
}

// opens returns the one password that opens the account, or none if it may have
// been erased.
func (k *killed) opens(t *testing.T, stage *vaulttest.Stage, accounts []account) string {
	t.Helper()
	var right []string
	tried := map[string]bool{}
	for _, a := range accounts {
		if tried[a.password] {
			continue
		}
		tried[a.password] = true
		p := *k.person
		p.Password = a.password
		v, err := stage.Unlock(t.Context(), p.Secret())
		if err != nil {
			require.ErrorIs(t, err, vault.ErrSignIn)
			require.NotErrorIs(t, err, vault.ErrTampered)
			continue
		}
		v.Close()
		right = append(right, a.password)
	}
	if len(right) == 0 {
		require.True(t, slices.ContainsFunc(accounts, func(a account) bool { return a.erased }), "no password opens the account, and nobody erased it")
		return ""
	}
	require.Len(t, right, 1, "exactly one password opens")
	require.False(t, k.account.erased, "an erased account opens")
	return right[0]
}

// gone demands that nothing is left of the person, who is followed by another.
func (k *killed) gone(t *testing.T, stage *vaulttest.Stage, blobs *knownBlobs) {
	t.Helper()
	requireBuried(t, stage, blobs, k.person.Vault.ID())
	require.Empty(t, blobs.there(t))
	if !k.account.erased {
		k.tally.underWayDone++
	}
	k.tally.erased++
	k.person = nil
}

// blobFiles lists the blobs that lie in a folder of documents, by their files.
func blobFiles(t *testing.T, stage *vaulttest.Stage, folder string) *knownBlobs {
	t.Helper()
	known := newKnownBlobs(stage.Blobs)
	require.NoError(t, filepath.WalkDir(filepath.Join(folder, local.DocumentsName), func(path string, d fs.DirEntry, err error) error {
		if name := strings.ReplaceAll(d.Name(), "+", "/"); err == nil && !d.IsDir() && strings.Contains(name, "/") {
			known.names[name] = true
		}
		return err
	}))
	return known
}
