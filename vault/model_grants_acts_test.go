package vault_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// What happens in the village. Each act is done in the vaults and in the model.

func (w *village) act() {
	r := w.residents[w.r.IntN(2)]
	acts := map[string]func(r *resident){
		"add": w.add, "move": w.move, "destroy": w.destroy, "follow": w.follow, "visit": w.visit, "withdraw": w.withdraw,
		"withdraw again": w.withdraw, "roots": w.roots, "sign in": w.signIn, "wait": w.wait, "wait long": w.wait, "leave": w.leave, "come": w.come,
	}
	name := one(w, slices.Sorted(maps.Keys(acts)))
	w.t.Log(name)
	w.done[name]++
	acts[name](r)
}

func (w *village) add(r *resident) {
	if len(r.items) > 5 {
		return
	}
	l := leaf{text: content(w.r.Uint64N(1<<20), 1+w.r.IntN(3000)), side: one(w, []vault.Compartment{vault.Shared, vault.Private})}
	it, err := w.seat(r).AddDocument(w.t.Context(), vault.NewDocument{Name: "paper", Compartment: l.side}, bytes.NewReader(l.text))
	require.NoError(w.t, err)
	l.revision = it.Revision
	r.items[it.ID] = l
}

// item draws one of a person's items.
func (w *village) item(r *resident) (vault.ItemID, leaf, bool) {
	ids := slices.SortedFunc(maps.Keys(r.items), func(a, b vault.ItemID) int { return bytes.Compare(a[:], b[:]) })
	if len(ids) == 0 {
		return vault.ItemID{}, leaf{}, false
	}
	id := one(w, ids)
	return id, r.items[id], true
}

func (w *village) move(r *resident) {
	if id, l, ok := w.item(r); ok {
		l.side = vault.Shared + vault.Private - l.side
		it, err := w.seat(r).Move(w.t.Context(), id, l.revision, l.side)
		require.NoError(w.t, err)
		l.revision = it.Revision
		r.items[id] = l
	}
}

func (w *village) destroy(r *resident) {
	if id, l, ok := w.item(r); ok {
		require.NoError(w.t, w.seat(r).Destroy(w.t.Context(), id, l.revision))
		delete(r.items, id)
	}
}

// follow lets a relay in.
func (w *village) follow(r *resident) {
	p := &permit{office: w.r.IntN(2)}
	n := vault.NewGrant{Holder: w.offices[p.office].v.ID(), Scope: one(w, []vault.Scope{vault.ScopeSee, vault.ScopeAdd})}
	if w.r.IntN(3) == 0 {
		n.Until = w.Clock.Now().Add(time.Duration(1+w.r.IntN(8)) * time.Hour)
	}
	w.give(r, p, n)
}

// visit lets a clerk in themself, for a time: to what is shared, or to one item.
func (w *village) visit(r *resident) {
	p := &permit{office: -1, clerk: w.r.IntN(2)}
	n := vault.NewGrant{Holder: w.clerks[p.clerk].v.ID(), Scope: vault.ScopeSee, Visit: true, Until: w.Clock.Now().Add(time.Duration(1+w.r.IntN(8)) * time.Hour)}
	if id, l, ok := w.item(r); ok && w.r.IntN(2) == 0 {
		n.Items, p.chosen = []vault.ItemID{id}, map[vault.ItemID]leaf{id: l}
	}
	w.give(r, p, n)
}

func (w *village) give(r *resident, p *permit, n vault.NewGrant) {
	inForce := 0
	for _, q := range w.permits {
		if q.of == r && !q.over {
			inForce++
		}
	}
	if inForce > 3 {
		return
	}
	v := w.seat(r)
	g, err := v.Give(w.t.Context(), n, vault.Secret{Password: r.person.Password})
	require.NoError(w.t, err)
	w.settle(r, false) // those whose time is over end with it
	p.Grant, p.of, p.kept = g, r, map[*clerk][]*vault.Vault{}
	w.permits = append(w.permits, p)
}

// withdraw ends a permit, with the secret or without.
func (w *village) withdraw(r *resident) {
	v := w.seat(r)
	var some []*permit
	for _, p := range w.permits {
		if p.of == r && !p.over {
			some = append(some, p)
		}
	}
	if len(some) == 0 {
		return
	}
	p := one(w, some)
	var secret *vault.Secret
	if w.r.IntN(2) == 0 {
		secret = &vault.Secret{Password: r.person.Password}
	}
	require.NoError(w.t, v.End(w.t.Context(), p.ID, secret))
	p.over, r.owed = true, r.owed || !p.Visit
	if secret != nil {
		w.settle(r, true)
	}
}

func (w *village) roots(r *resident) {
	c := vault.ChangePassword{Old: r.person.Password, New: "a good password " + strconv.Itoa(w.r.IntN(1e6)), KnownToOthers: true}
	require.NoError(w.t, w.seat(r).ChangePassword(w.t.Context(), c))
	r.person.Password = c.New
	w.newKeys(r)
}

func (w *village) wait(*resident) {
	w.Clock.Advance(one(w, []time.Duration{time.Minute, 20 * time.Minute, time.Hour, 13 * time.Hour}))
}

// join makes a clerk a worker of a relay.
func (w *village) join(c, at int) {
	o := w.offices[at]
	g, err := o.v.Give(w.t.Context(), vault.NewGrant{Holder: w.clerks[c].v.ID(), Scope: vault.ScopeTeam}, vault.Secret{Password: sheet})
	require.NoError(w.t, err)
	o.members[c], o.works[c] = g.ID, true
}

func (w *village) come(*resident) {
	if c, at := w.r.IntN(2), w.r.IntN(2); !w.offices[at].works[c] {
		w.join(c, at)
	}
}

// leave ends a clerk's work at a relay, by themself or by the manager, who makes new
// keys and seals everything anew to them.
func (w *village) leave(*resident) {
	c, at := w.r.IntN(2), w.r.IntN(2)
	o := w.offices[at]
	if !o.works[c] {
		return
	}
	o.works[c] = false
	require.NoError(w.t, o.v.End(w.t.Context(), o.members[c], nil))
	if w.r.IntN(3) == 0 {
		return // the new keys are owed until the next leaves
	}
	require.NoError(w.t, o.v.PayGrants(w.t.Context(), vault.Secret{Password: sheet}))
	keys, err := o.v.OwnKeys(w.t.Context())
	require.NoError(w.t, err)
	for _, p := range w.permits {
		if p.office == at && !p.over {
			_, err := w.Rewrap(w.t.Context(), p.of.v.ID(), p.ID, w.guest(c, at, o.v.ID(), keys.Inboxes))
			require.True(w.t, err == nil || errors.Is(err, vault.ErrEnded), "%v", err)
		}
	}
}

// lie lets everybody try while the store shows something else than what was written.
func (w *village) lie() {
	spaces := []vault.ID{w.residents[0].v.ID(), w.residents[0].v.ID(), w.residents[1].v.ID(), w.offices[w.r.IntN(2)].v.ID(), w.clerks[w.r.IntN(2)].v.ID()}
	space := one(w, spaces).String()
	keys := w.host.Records(space + "/" + one(w, []string{"", "g/", "h/", "i/", "k/", "x/"}))
	if len(keys) == 0 {
		return
	}
	key := one(w, keys)
	piece := w.host.Record(key)
	what := one(w, []string{"older", "older", "dropped", "swapped", "back", "papers"})
	switch what {
	case "older":
		piece.Forge(one(w, piece.Versions()))
	case "dropped":
		piece.Drop()
	case "swapped":
		sort := strings.Split(key, "/")[1]
		keys := slices.DeleteFunc(w.host.Records(""), func(k string) bool {
			parts := strings.Split(k, "/")
			return len(parts) < 3 || parts[1] != sort
		})
		if len(keys) > 0 {
			piece.Swap(w.host.Record(one(w, keys)))
		}
	case "back": // what was deleted with a grant
		p := one(w, w.permits[max(0, len(w.permits)-6):])
		key = p.of.v.ID().String() + "/g/" + p.ID.String()
		w.host.Record(key).Forge(one(w, w.host.Record(key).Versions()))
	case "papers":
		names := w.host.BlobNames("")
		w.host.Blob(one(w, names)).Swap(w.host.Blob(one(w, names)))
	}
	w.lies = true
	w.t.Logf("%s: %s", what, key)
	w.everybody()
	w.host.Honest()
	w.lies = false
	w.done["lies"]++
}
