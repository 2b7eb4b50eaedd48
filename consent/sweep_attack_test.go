package consent_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// fullTown is a town with a record of every kind that others write or are given.
func fullTown(t *testing.T) (*known, *storagetest.Malicious) {
	t.Helper()
	tn, host := lyingTown(t)
	ctx := t.Context()
	letter := tn.paper(t, "Letter", vault.Shared)
	tn.paper(t, "Diary", vault.Private)
	tn.follow(t)
	require.Len(t, mustPeople(t, tn.post(t)), 1) // in the roster
	_, err := tn.amina.Vault.NewAccessCard(ctx, tn.secret(), "385206")
	require.NoError(t, err)
	require.NoError(t, tn.amina.Vault.SetWish(ctx, vault.WantKeep))
	tn.visit(t, tn.post(t), letter.ID)
	tn.visit(t, tn.post(t), letter.ID)

	// Others follow: one may be given something, one has a note that waits.
	boris, chloe := tn.Person(t), tn.Person(t)
	f := tn.yes()
	f.Name, f.Scope = "Boris", vault.ScopeGive
	_, err = tn.service.Follow(ctx, boris.Vault, f, vault.Secret{Password: boris.Password})
	require.NoError(t, err)
	post := tn.post(t)
	require.Len(t, mustPeople(t, post), 2)
	v, err := post.Open(ctx, boris.Vault.ID(), aboutHousing)
	require.NoError(t, err)
	left := map[vault.ItemID]string{}
	for _, name := range []string{"one", "two"} {
		l, err := v.LeaveNote(ctx, name, vault.Note{Text: "text of " + name}, vault.Place{})
		require.NoError(t, err)
		left[l.Item] = "text of " + name
	}
	f.Name = "Chloé"
	_, err = tn.service.Follow(ctx, chloe.Vault, f, vault.Secret{Password: chloe.Password})
	require.NoError(t, err)
	for _, name := range []string{"Lina", "Omar"} { // who ask to be let in
		i, err := tn.centre.Desk(t).Invite(ctx, consent.RoleHelp, nil)
		require.NoError(t, err)
		_, err = tn.Worker(t, name).Ask(ctx, i.Code)
		require.NoError(t, err)
	}
	_, err = tn.centre.Desk(t).Invite(ctx, consent.RoleHelp, nil)
	require.NoError(t, err)

	k := remember(t, tn.Stage, host, []*vaulttest.Person{tn.amina, boris, chloe}, []onlooker{{tn.centre.worker, tn.centre.Relay}, {tn.centre.Manager, tn.centre.Relay}})
	k.left = left
	return k, host
}

// kinds sorts the keys of all records by whose they are and what.
func (k *known) kinds(host *storagetest.Malicious) map[string][]string {
	whose := map[string]string{k.stage.Directory.ID().String(): "directory"}
	for id := range k.relays {
		whose[id.String()] = "relay"
	}
	for _, w := range k.staff {
		whose[w.ID().String()] = "worker"
	}
	for id := range k.people {
		whose[id.String()] = "person"
	}
	out := map[string][]string{}
	for _, key := range host.Records("") {
		owner, rest, _ := strings.Cut(key, "/")
		who, ok := whose[owner]
		if !ok {
			continue // the service's own, its index of deadlines, and who does not look
		}
		parts := strings.Split(rest, "/")
		if slices.Contains(unguarded, parts[0]) {
			continue
		}
		kind := who + " " + parts[0]
		if slices.Contains([]string{"in", "h", "k", "x"}, parts[0]) {
			kind += "/" + parts[1]
		}
		out[kind] = append(out[kind], key)
	}
	return out
}

// unguarded are records that guard no secret and say nothing to anybody: the disk's
// ledger, months, and sessions, which are tested by their own.
var unguarded = []string{"q", "n", "new", "mv", "seen"}

// silent are kinds of which nobody is told who looks as these do: papers about an
// account, which are read when they are asked for; requests and notes of visits that
// nobody signed, which are left out; what another session has open; and what is written
// on invitations, which are listed without it.
var silent = []string{"person o", "relay o", "worker o", "worker x/o", "relay ask", "relay invited", "worker in/v", "worker at"}

// Every kind of record that there is where others were let in is flipped, cut,
// dropped and exchanged: nobody is shown anything else, or is given a key that is not
// theirs; and where it says something to somebody who looks, they are told.
func TestEveryKindOfRecordWhereOthersWereLetInIsSwept(t *testing.T) {
	t.Parallel()
	k, host := fullTown(t)
	seen, refused := k.survey(t, "nobody lies")
	require.False(t, refused)
	require.Greater(t, seen, 10)
	kinds := k.kinds(host)
	for _, kind := range []string{
		"person g", "person in/p", "person wish", "person s", "relay g", "relay ask", "relay in/f", "relay i", "relay s", "relay x/s", "relay h/s",
		"worker m", "worker in/v", "worker at", "worker k/o", "directory h/o", "directory x/o",
	} {
		require.NotEmpty(t, kinds[kind], kind)
	}
	swept, untold, began := 0, []string{}, time.Now()
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		keys := kinds[kind]
		told := false
		for last := len(keys) - 1; last >= 0 && !told; last-- {
			if last < len(keys)-1 && kind != "person s" && kind != "relay s" {
				break // of keyslots not every one is looked at by who looks, as that of a card
			}
			piece := host.Record(keys[last])
			n := len(piece.Bytes())
			if n == 0 {
				told = true // a mark: there is nothing in it to alter
				break
			}
			alterations := map[string]func(){
				"flipped": func() { piece.Flip(8*(n-1) + 1) },
				"cut":     func() { piece.Cut(n / 2) },
				"dropped": piece.Drop,
			}
			if last > 0 {
				alterations["exchanged"] = func() { piece.Swap(host.Record(keys[0])) }
			}
			for i, how := range slices.Sorted(maps.Keys(alterations)) {
				if how != "flipped" && (i+swept)%4 != 0 {
					continue // each kind is flipped, and more is done to some
				}
				alterations[how]()
				_, refused := k.survey(t, kind, " ", how)
				told = told || refused
				host.Honest()
			}
		}
		if !told {
			untold = append(untold, kind)
		}
		swept++
	}
	untold = slices.DeleteFunc(untold, func(kind string) bool { return slices.Contains(silent, kind) })
	require.Empty(t, untold, "altered, and nobody said so")
	_, refused = k.survey(t, "nobody lies any more")
	require.False(t, refused)
	t.Logf("%d kinds of %d in %s", swept, len(kinds), time.Since(began).Round(time.Second))
}
