package vault_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
	"reconnect.example/vault"
)

// showGrant shows what one grant lets its holder see, by the key of their inbox.
func showGrant(t *testing.T, vector *testvectors.Vector) *shown {
	t.Helper()
	out := &shown{outcome: "success"}
	v := out.guest(t, openVector(t, vector), vector)
	if v != nil && v.Terms().Scope != vault.ScopeGive && !out.items(t.Context(), v) {
		out.lines = nil
	}
	slices.Sort(out.lines)
	return out
}

// guest opens a vault by the grant of a vector; nil if that opens nothing.
func (s *shown) guest(t *testing.T, o openedVector, vector *testvectors.Vector) *vault.Vault {
	t.Helper()
	require.NoError(t, o.err)
	id := func(name string) vault.ID {
		id, err := vault.ParseID(vector.Text(name))
		require.NoError(t, err)
		return id
	}
	key, err := seal.BoxKeyFromBytes(vector.Bytes("key"))
	require.NoError(t, err)
	signer, err := seal.SigningKeyFromBytes(vector.Bytes("signer"))
	require.NoError(t, err)
	who, err := o.register.Signer(t.Context(), vector.Bytes("credential"))
	require.NoError(t, err)
	who.Actor.Name = vector.Text("name")
	g := vault.Guest{Actor: who.Actor, Signer: signer, Credential: vector.Bytes("credential"), Holder: id("holder"), Keys: []seal.BoxKey{key}}
	if pinned := vector.Bytes("pinned"); len(pinned) > 0 { // without, the witness would have to know the head, and so the whole owner side
		g.Pinned = pinned
	}
	v, err := o.vaults.OpenGrant(t.Context(), id("vault"), vault.GrantID(id("grant")), g)
	if !s.note(err) {
		return nil
	}
	terms := v.Terms()
	s.add("grant", vault.GrantID(terms.Grant).String(), vault.ID(terms.Holder).String(), itoa(uint64(terms.Scope)), ms(time.UnixMilli(terms.Given)), dated(terms.Until))
	return v
}

func dated(ms int64) string {
	if ms == 0 {
		return ""
	}
	return itoa(ms)
}

// spoil writes a vector on another of the town, with records that are changed.
func (m *madeTown) spoil(base, name, expect, comment string, spoil func(f *vault.Forge), more ...field) {
	m.w.t.Helper()
	f := m.amina.NewForge(m.records)
	if spoil != nil {
		spoil(f)
	}
	m.spoiled(base, name, expect, comment, f, more...)
}

func (m *madeTown) spoiled(base, name, expect, comment string, f *vault.Forge, more ...field) {
	m.w.t.Helper()
	fields := slices.Clone(more)
	for _, key := range slices.Sorted(maps.Keys(f.Changed)) {
		if f.Changed[key] == nil {
			fields = append(fields, text("gone", key))
		} else {
			fields = append(fields, recordOf(key, f.Changed[key]))
		}
	}
	if !slices.ContainsFunc(more, func(f field) bool { return f.Name == "shows" }) && expect != "success" {
		fields = append(fields, text("gone", "shows"))
	}
	m.w.on(base, name, expect, comment, fields...)
}

// instead is the line of an item replaced by what is wrong with it.
func (m *madeTown) instead(base string, it vault.Item, line string) []field {
	i := slices.IndexFunc(m.shows[base], func(s string) bool { return strings.Contains(s, " | "+it.ID.String()+" | ") })
	require.GreaterOrEqual(m.w.t, i, 0)
	return []field{text("gone", m.shows[base][i]), text("shows", line)}
}

func (m *madeTown) broken() {
	m.grants()
	m.visit()
	m.members()
	m.authors()
}

// grants are what can be wrong with one.
func (m *madeTown) grants() {
	id, relay := m.amina.ID(), m.harbour.ID
	key := id.KeyOf("g/" + m.grant.String())
	fields := []field{
		text("base", "town"), text("kind", "grant"), text("vault", id.String()), text("grant", m.grant.String()), text("holder", relay.String()),
		hexed("key", m.inbox.Bytes()), hexed("signer", m.signer.Bytes()), hexed("credential", m.credential), text("name", m.samir.Name()), text("gone", "shows"),
	}
	m.w.based("town-grant", "What the relay was given, by the key of its inbox.", showGrant, fields...)
	m.shows["town-grant"] = m.w.read("town-grant").Lines("shows")
	tampered := "tampered grant " + m.grant.String()
	change := func(name, expect, comment string, c vault.GrantChange) {
		m.w.t.Helper()
		m.spoil("town-grant", name, expect, comment, func(f *vault.Forge) { f.Grant(m.grant, relay, m.inbox, c) })
	}
	other, err := seal.NewBoxKey()
	require.NoError(m.w.t, err)
	stranger, until := seal.NewSigningKey(), m.s.Clock.Now().UnixMilli()
	m.spoil("town-grant", "another-key", tampered, "Another inbox.", nil, hexed("key", other.Bytes()))
	m.spoil("town-grant", "another-holder", tampered, "Read by somebody else, with the right key.", nil, text("holder", m.samir.ID().String()))
	m.spoil("town-grant", "flipped", tampered, "One bit of the box.", func(f *vault.Forge) { f.Flip(key, 100) })
	m.spoil("town-grant", "missing", "ended", "The record is not there.", func(f *vault.Forge) { f.Copy(key, nil) })
	m.spoil("town-grant", "not-in-force", "ended", "The owner head does not name its terms any more.", func(f *vault.Forge) { f.Without() })
	m.spoil("town-grant", "of-another", tampered, "A grant of the relay's space in the place of the person's.", func(f *vault.Forge) {
		for k, b := range within(m.records, relay.KeyOf("g/")) {
			_ = k
			f.Copy(key, b)
		}
	})
	change("over", "ended", "Its time is over in this very millisecond.", vault.GrantChange{Terms: func(t *vault.Terms) { t.Until = until }})
	change("one-millisecond", "success", "Its time is over in the next millisecond.", vault.GrantChange{Terms: func(t *vault.Terms) { t.Until = until + 1 }})
	change("unnamed-terms", "ended", "Signed by the vault, and not named by its head: of before.", vault.GrantChange{Terms: func(t *vault.Terms) { t.Scope = vault.ScopeTeam }, Unnamed: true})
	change("signed-by-another", tampered, "Named by the head, and signed by another key.", vault.GrantChange{Signer: &stranger})
	change("terms-of-another-holder", tampered, "The terms name somebody else.", vault.GrantChange{Terms: func(t *vault.Terms) { t.Holder = m.samir.ID() }})
	change("terms-of-another-grant", tampered, "The terms are those of another grant.", vault.GrantChange{Terms: func(t *vault.Terms) { t.Grant[0] ^= 1 }})
	change("no-scope", tampered, "It allows nothing that there is.", vault.GrantChange{Terms: func(t *vault.Terms) { t.Scope = 9 }})
	change("short-nonce", tampered, "A nonce of 15 bytes.", vault.GrantChange{Terms: func(t *vault.Terms) { t.Nonce = t.Nonce[1:] }})
	change("other-generation", tampered, "Another key than the terms commit to.", vault.GrantChange{Generations: vault.OtherKey})
	change("older-generation", tampered, "A generation more than the terms name.", vault.GrantChange{Generations: vault.Older})
	change("no-generations", tampered, "Without the generations that the terms name.", vault.GrantChange{Generations: vault.None})
	change("no-keys-at-all", tampered, "Terms and grant without a generation.", vault.GrantChange{Generations: vault.None, Terms: func(t *vault.Terms) { t.Generations = nil }})
	change("giving-only", "success", "Who may only leave papers is given no keys.", vault.GrantChange{Generations: vault.None, Terms: func(t *vault.Terms) { t.Scope, t.Generations = vault.ScopeGive, nil }})
	m.fix("town-grant-one-millisecond", "town-grant-giving-only")
	m.spoil("town-grant", "shared-head-flipped", "tampered shared head", "The keys are right, and the head of Shared was altered.", func(f *vault.Forge) { f.Flip(id.KeyOf("h/s"), 60) })
	m.spoil("town-grant", "closing", "closing", "The account is closed.", func(f *vault.Forge) { f.Owner(func(h *seal.OwnerHead) { h.Closing = until }) })
	m.spoil("town-grant", "erased", "ended", "The vault was erased.", func(f *vault.Forge) {
		f.Owner(func(h *seal.OwnerHead) {
			*h = seal.OwnerHead{Vault: h.Vault, Restore: h.Restore, Version: h.Version, Key: h.Key, Succession: h.Succession, Erased: until}
		})
	})
}

// based is showing for a vector on a base.
func (w *vectorWriter) based(name, comment string, show func(*testing.T, *testvectors.Vector) *shown, fields ...field) {
	w.t.Helper()
	w.put(name, "success", comment, fields...)
	seen := show(w.t, w.read(name))
	require.Equal(w.t, "success", seen.outcome, name)
	for _, line := range seen.lines {
		fields = append(fields, text("shows", line))
	}
	delete(w.written, name)
	w.put(name, "success", comment, fields...)
}

// fix gives vectors that succeed, and show something else than their base, what they show.
func (m *madeTown) fix(names ...string) {
	m.w.t.Helper()
	for _, name := range names {
		v := m.w.alone(name)
		fields := slices.DeleteFunc(v.Fields, func(f field) bool { return f.Name == "expect" || f.Name == "comment" })
		comment := v.Text("comment")
		delete(m.w.written, name)
		m.w.based(name, comment, showGrant, append(fields, text("gone", "shows"))...)
	}
}

// visit is a grant of chosen items: the private paper of a person, as it was.
func (m *madeTown) visit() {
	f := m.amina.NewForge(m.records)
	grant := f.Visit(m.samir.ID(), m.inbox.Public(), m.paper, m.s.Clock.Now().Add(time.Hour))
	fields := []field{text("base", "town-grant"), text("grant", grant.String()), text("holder", m.samir.ID().String()), text("gone", "shows")}
	for _, key := range slices.Sorted(maps.Keys(f.Changed)) {
		fields = append(fields, recordOf(key, f.Changed[key]))
	}
	m.w.based("town-visit", "A visit to one document, as it was: without any key of Shared.", showGrant, fields...)
	records := maps.Clone(m.records)
	maps.Copy(records, f.Changed)
	change := func(name, comment string, c vault.GrantChange) {
		m.w.t.Helper()
		f := m.amina.NewForge(records)
		f.Grant(grant, m.samir.ID(), m.inbox, c)
		m.spoiled("town-visit", name, "tampered grant "+grant.String(), comment, f)
	}
	change("renamed", "The chosen item says something else than the terms name.", vault.GrantChange{Chosen: vault.Renamed})
	change("other-digest", "The terms name another choice.", vault.GrantChange{Terms: func(t *vault.Terms) { t.Chosen = filled(1) }})
}

// members are what can be wrong with who works for a relay.
func (m *madeTown) members() {
	t, ctx := m.w.t, m.w.t.Context()
	w, relay := m.samir.ID(), m.harbour.ID
	pointer := w.KeyOf("m/" + relay.String())
	var mine struct {
		Grant      [16]byte `cbor:"1,keyasint,omitempty"`
		Credential []byte   `cbor:"2,keyasint,omitempty"`
	}
	require.NoError(t, seal.Unmarshal(m.records[pointer], &mine))
	manager, err := m.s.Store.Get(ctx, m.harbour.Manager.ID().KeyOf("m/"+relay.String()))
	require.NoError(t, err)
	m.spoil("town", "membership-of-another", "tampered membership", "The membership of somebody else of the same relay.", func(f *vault.Forge) { f.Copy(pointer, manager.Value) })
	forged := vault.ForgedCredential(relay, w, seal.NewSigningKey(), m.signer.Public(), "Samir سمير")
	mine.Credential = forged
	m.spoil("town", "membership-forged", "untrusted-key", "A credential that somebody else than the relay signed.", func(f *vault.Forge) {
		f.Copy(pointer, m.w.must(seal.Marshal(mine)))
	})
	m.spoil("town", "membership-missing", "success", "Nobody's worker sees nobody.", func(f *vault.Forge) { f.Copy(pointer, nil) },
		text("gone", "shows"), text("shows", strings.Join([]string{"worker", w.String(), "Samir سمير"}, " | ")))
	space := m.space.NewForge(m.records)
	space.Without()
	m.spoiled("town", "left", "ended", "The head of the relay's space does not name the worker's terms any more.", space)
	m.spoil("town", "wrong-password", "sign-in", "Another password.", nil, text("password", "x"+m.samir.Password))
	m.spoil("town", "login-of-a-person", "sign-in", "A person's login opens nothing where workers sign in.", nil, text("login", m.login), text("password", vectorPassword))

	on, err := m.s.Directory.Current(ctx)
	require.NoError(t, err)
	next, err := m.s.Authority.Sign(on, consent.Change{WithdrawRelay: &relay, On: "2026-03-03"})
	require.NoError(t, err)
	var b struct {
		Form  uint8    `cbor:"1,keyasint"`
		Head  []byte   `cbor:"2,keyasint"`
		Pages [][]byte `cbor:"3,keyasint"`
	}
	require.NoError(t, seal.Unmarshal(m.w.must(next.Bundle()), &b))
	d := m.s.Directory.ID()
	withdrawn := []field{recordOf(d.KeyOf("h/o"), b.Head), recordOf(d.KeyOf("x/o/0"), b.Pages[0])}
	m.spoil("town", "relay-withdrawn", "ended", "The authority has withdrawn the relay.", nil, withdrawn...)
}

// authors are what can be wrong with who signed.
func (m *madeTown) authors() {
	expect := "tampered item " + m.note.ID.String()
	item := func(name, comment string, origin, revision seal.SigningKey, by, last []byte, actor func(a *vault.Actor)) {
		m.w.t.Helper()
		m.spoil("town-person", name, expect, comment, func(f *vault.Forge) {
			f.Signed(m.note, origin, revision, by, last, actor)
		}, m.instead("town-person", m.note, expect)...)
	}
	nobody := func(*vault.Actor) {}
	stranger := seal.NewSigningKey()
	relay, w := m.harbour.ID, m.samir.ID()
	own := vault.ForgedCredential(relay, w, stranger, m.signer.Public(), "Samir سمير")
	person := m.amina.Signer()
	item("item-without-credential", "A worker's item, and nothing says whose key it is.", m.signer, m.signer, nil, nil, nobody)
	item("item-of-another-key", "The credential names another key.", stranger, m.signer, m.credential, m.credential, nobody)
	item("item-credential-forged", "A credential that the relay did not sign.", m.signer, m.signer, own, own, nobody)
	item("item-in-the-persons-name", "A worker signed what the person is said to have written.", m.signer, m.signer, m.credential, m.credential, func(a *vault.Actor) {
		*a = vault.Actor{Kind: vault.ActorPerson}
	})
	item("item-in-a-workers-name", "The person signed what a worker is said to have written.", person, person, nil, nil, nobody)
	item("item-another-name", "The worker under another name.", m.signer, m.signer, m.credential, m.credential, func(a *vault.Actor) { a.Name = "Jeanne" })
	item("item-another-relay", "The worker at another relay.", m.signer, m.signer, m.credential, m.credential, func(a *vault.Actor) { a.Relay = "La Gare" })
	item("item-revision-unsigned", "Its revision is nobody's.", m.signer, stranger, m.credential, nil, nobody)
	journal := func(name, comment string, a vault.Actor, signer seal.SigningKey, credential []byte) {
		f := m.amina.NewForge(m.records)
		n := f.Line(a, signer, credential)
		m.spoiled("town-person", name, "tampered journal entry "+itoa(n), comment, f)
	}
	journal("journal-in-the-persons-name", "A worker signed a line in the person's name.", vault.Actor{Kind: vault.ActorPerson}, m.signer, m.credential)
	journal("journal-in-a-workers-name", "The person signed a line in a worker's name.", vault.Actor{Kind: vault.ActorWorker, ID: w.String(), Name: "Samir سمير"}, person, nil)
	journal("journal-credential-forged", "A line with a credential that the relay did not sign.", vault.Actor{Kind: vault.ActorWorker, ID: w.String(), Name: "Samir سمير"}, m.signer, own)
}
