package vault_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkill"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// childLinks tells a child process to make, use and end links until it is killed.
const childLinks = "VAULT_TEST_LINKS"

// linkErrand is what a child must know to act as the person and as strangers.
type linkErrand struct {
	errand
	Item string // the paper that links show
}

// runLinks says before and after each act what it is, with the code of its link.
func runLinks(e linkErrand) error {
	ctx := context.Background()
	tn, err := e.town(ctx, nil)
	if err != nil {
		return err
	}
	v, err := tn.Unlock(ctx, vault.Password{Login: e.Login, Secret: e.Password})
	if err != nil {
		return err
	}
	failed := make(chan error)
	go func() { // at the same time
		for {
			if _, err := v.TakeIn(ctx); err != nil {
				failed <- err
				return
			}
		}
	}()
	go func() {
		for n := 0; ; n++ {
			if err := e.useLinks(ctx, tn.Stage, v, fmt.Sprintf("%d-%d", e.Round, n)); err != nil {
				failed <- fmt.Errorf("%d: %w", n, err)
				return
			}
		}
	}()
	return <-failed
}

func (e *linkErrand) useLinks(ctx context.Context, stage *vaulttest.Stage, v *vault.Vault, name string) error {
	item, err := vault.ParseItemID(e.Item)
	if err != nil {
		return err
	}
	leave, err := v.MakeLink(ctx, vault.NewLink{Kind: vault.LinkDeposit, Label: name}, nil)
	if err != nil {
		return err
	}
	read, err := v.MakeLink(ctx, vault.NewLink{Kind: vault.LinkPaper, Label: name, Item: item, Times: 9}, &vault.Secret{Password: e.Password})
	if err != nil {
		return err
	}
	fmt.Println("made", name, leave.Code, read.Code)
	for _, act := range []struct {
		what, of string
		do       func() error
	}{
		{"left", name + "-paper", func() error {
			return stage.LeaveByLink(ctx, leave.Code, vault.NewDocument{Name: name + "-paper"}, bytes.NewReader(drawing(3000)))
		}},
		{"left", name + "-note", func() error {
			return stage.LeaveNoteByLink(ctx, leave.Code, name+"-note", vault.Note{Text: "text"}, "")
		}},
		{"opened", name, func() error { return openOnce(ctx, stage, read.Code) }},
		{"opened", name, func() error { return openOnce(ctx, stage, read.Code) }},
		{"kept", "", func() error { return v.KeepLeft(ctx) }},
		{"ended", "deposit of " + name, func() error { return v.EndLink(ctx, leave.ID) }},
		{"ended", "paper of " + name, func() error { return v.EndLink(ctx, read.ID) }},
		{"closed", "", func() error { return v.CloseInbox(ctx) }},
		{"reopened", "", func() error { return v.OpenInbox(ctx) }},
	} {
		fmt.Println("begun", act.what, act.of)
		if err := act.do(); err != nil {
			return fmt.Errorf("%s: %w", act.what, err)
		}
		fmt.Println("done", act.what, act.of)
	}
	return nil
}

func openOnce(ctx context.Context, stage *vaulttest.Stage, code string) error {
	o, err := stage.OpenByLink(ctx, code)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, o)
	_ = o.Close()
	return err
}

// said is what children said, and how often.
type said map[string]int

// The server is killed while links are made, used and ended. What was taken from a stranger
// is there, once; a link that was ended opens nothing; one that was made is in force, and was
// used as often as it was opened, or once more.
func TestLinksSurviveKill(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	stage := vaulttest.New(t, &vaulttest.Options{Folder: folder})
	p := stage.Person(t)
	paper := add(t, p.Vault, "shown", content(1, 2000))
	e := linkErrand{Item: paper.ID.String(), errand: errand{Folder: folder, Login: p.Login, Password: p.Password, Person: p.Vault.ID().String(), Start: stage.Clock.Now()}}
	require.NoError(t, stage.Close())
	all := said{}
	for e.Round = range sized(3, 10) {
		e.Start = e.Start.Add(24 * time.Hour)
		last, enough := said{}, 4+rand.IntN(40)
		testkill.Child(t, childLinks, e, func(line string) time.Duration {
			last[line]++
			all[line]++
			if enough--; enough == 0 {
				return rand.N(20 * time.Millisecond)
			}
			return testkill.Never
		})
		e.check(t, last, all)
	}
	t.Logf("%d acts were acknowledged", len(all))
}

// check looks, an hour later, at what the last child did, and ends its links.
func (e *linkErrand) check(t *testing.T, last, all said) {
	t.Helper()
	e.Start = e.Start.Add(time.Hour)
	tn, err := e.town(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tn.Close()) }()
	tn.v, err = tn.Unlock(t.Context(), vault.Password{Login: e.Login, Secret: e.Password})
	require.NoError(t, err)
	there := map[string]int{}
	for _, name := range papers(t, tn.v) {
		there[name]++
	}
	for line := range all {
		if name, is := strings.CutPrefix(line, "begun left "); is {
			require.LessOrEqual(t, there[name], 1, name)
			require.GreaterOrEqual(t, there[name], all["done left "+name], "%s was taken", name)
			delete(there, name)
		}
	}
	require.Equal(t, map[string]int{"shown": 1}, there)

	require.NoError(t, tn.v.OpenInbox(t.Context()))
	links, _, err := tn.v.Links(t.Context())
	require.NoError(t, err)
	for line := range last {
		if words := strings.Fields(line); words[0] == "made" {
			last.requireLinks(t, tn, links, words[1], words[2], words[3])
		}
	}
	for _, l := range links {
		if l.EndedBy == "" {
			require.NoError(t, tn.v.EndLink(t.Context(), l.ID))
		}
	}
	require.NoError(t, tn.v.KeepLeft(t.Context())) // or the overview says that something was left
	require.Empty(t, overview(t, tn.v).Notices)
	requireJournal(t, tn.v)
	settle(t, tn.Stage)
	e.Start = tn.Clock.Now()
	requireTidyBlobs(t, tn, blobFiles(t, tn.Stage, e.Folder))
}

// requireLinks demands of the two links of one name what was said of them.
func (h said) requireLinks(t *testing.T, tn *town, links []vault.Link, name, leave, read string) {
	t.Helper()
	found := 0
	for _, l := range links {
		if l.Label != name {
			continue
		}
		found++
		code := leave
		if l.Kind == vault.LinkPaper {
			code = read
			require.True(t, l.EndedBy != "" || l.Used >= h["done opened "+name], "of what has ended nobody counts any more")
			require.LessOrEqual(t, l.Used, h["begun opened "+name])
		}
		_, err := tn.FaceOfLink(t.Context(), code)
		ended := "ended " + string(l.Kind) + " of " + name
		require.Equal(t, l.EndedBy != "", err != nil, "%v", err)
		require.True(t, l.EndedBy != "" || h["done "+ended] == 0, "it was ended")
		require.True(t, l.EndedBy == "" || h["begun "+ended] > 0, "it was made")
	}
	require.Equal(t, 2, found, "both were made")
}
