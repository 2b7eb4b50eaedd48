package consent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/testfiles"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/vault"
)

// counter is a person and a partner, as one process sees them: a scene without a relay.
type counter struct {
	*scene
	body, entry  *body  // entry: signed by an act
	token, link  string // of the partner
	note         vault.ItemID
	presentation vault.GrantID
}

func newCounter(t testing.TB) *counter {
	t.Helper()
	c := &counter{scene: &scene{records: memstore.New(), witnessed: memstore.New()}}
	c.watch(t)
	opts := c.under()
	opts.Vault.Start = sceneStart
	c.Stage = consenttest.New(t, opts)
	c.first = c.Stage
	c.body = c.newBody(t, "CAF du Rhône")
	c.amina = c.Person(t)
	note, err := c.amina.Vault.AddNote(t.Context(), "Rent", vault.Note{Text: "paid in March"}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	c.note = note.ID
	c.Sign(t, consent.Change{Partner: &c.body.Partner})
	return c
}

// newBody draws the keys of a partner that nobody has signed.
func (c *counter) newBody(t testing.TB, name string) *body {
	t.Helper()
	keys, err := consent.NewPartnerKeys()
	require.NoError(t, err)
	return &body{keys: keys, Partner: consent.Partner{
		ID: randomID(), Organisation: c.Organisation.ID, Name: name, Contact: "aide@caf.example", Key: keys.Key(), Box: keys.Box(),
		Scopes: consent.PartnerScopes(), Kinds: []consent.PaperKind{consent.PaperIdentity}, Since: "2026-01-01",
	}}
}

func (c *counter) fork(t testing.TB) *counter {
	t.Helper()
	f, s := *c, *c.scene
	s.records, s.witnessed = copied(t, s.records), copied(t, s.witnessed)
	s.watch(t)
	f.scene = &s
	return f.elsewhere(t)
}

func (c *counter) elsewhere(t testing.TB) *counter {
	t.Helper()
	o, s := *c, *c.scene
	s.Stage = s.first.Another(t, s.under())
	s.amina = signedIn(t, s.Stage, s.amina)
	o.scene = &s
	return &o
}

// look counts what there is of partners, by asking the person's side and the partner's.
func (c *counter) look(t testing.TB) map[string]int {
	t.Helper()
	ctx, v, out := t.Context(), c.amina.Vault, map[string]int{}
	asks, err := c.Asked(ctx, v)
	require.NoError(t, err)
	out["asks"] = min(1, len(asks)) // what is asked again by a link waits twice
	kept, err := c.PartnerLinks(ctx, v)
	require.NoError(t, err)
	out["links"] = len(kept)
	leaving, err := c.LeavingPartners(ctx, v)
	require.NoError(t, err)
	links, _, err := v.Links(ctx)
	require.NoError(t, err)
	inForce := slices.DeleteFunc(links, func(l vault.Link) bool { return l.EndedBy != "" })
	out["leaving"], out["links of the vault"] = len(leaving), len(inForce)
	if len(leaving) > 0 {
		require.Equal(t, leaving[0].Link, inForce[0].ID)
	}
	blocked, err := c.BlockedPartners(ctx, v)
	require.NoError(t, err)
	out["blocked"] = len(blocked)
	presented, err := c.Presentations(ctx, v)
	require.NoError(t, err)
	out["presented"] = len(slices.DeleteFunc(presented, func(p consent.Presentation) bool { return !p.InForce }))
	happened, err := c.WhatHappened(ctx, v, nil)
	require.NoError(t, err)
	for _, e := range happened {
		if e.Act == vault.ActPartnerTook {
			out["took"] = 1
		}
	}
	for _, b := range []*body{c.body, c.entry} {
		if b == nil {
			continue
		}
		if _, err := c.Office(ctx, b.ID); err == nil {
			out["partners"]++
		} else {
			require.True(t, errors.Is(err, vault.ErrEnded) || errors.Is(err, consent.ErrNotNamed), "%v", err)
		}
	}
	for range c.Store.All(ctx, v.ID().String()+"/in/") {
		out["left"] = 1 // what is sent again is left again
	}
	return out
}

// counterAct is an act with a partner, and what a fault in the middle of it must leave.
type counterAct struct {
	prepare func(t testing.TB, c *counter)
	ready   func(t testing.TB, c *counter) // in each process: a code lasts a quarter of an hour
	do      func(ctx context.Context, c *counter) error
	done    []error
	after   func(t testing.TB, c *counter)
}

// Whatever fails while a partner is registered, asks, is answered, fetches or leaves
// something, and while that is ended: afterwards it is done or it is not, for the person,
// the partner and the vault alike, and the act repeated ends as if nothing had happened (N80).
func TestWhateverFailsBetweenAPersonAndAPartnerEndsCleanly(t *testing.T) {
	t.Parallel()
	for name, a := range partnerActs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := newCounter(t)
			if a.prepare != nil {
				a.prepare(t, first)
			}
			first.freeze(t)
			was := first.fork(t).look(t)
			healthy := a.begin(t, first)
			healthy.heal() // counts from here
			require.NoError(t, a.do(t.Context(), healthy))
			is := healthy.elsewhere(t).look(t)
			for _, one := range tries(t, healthy.scene, name) {
				t.Run(fmt.Sprintf("%s %d", one.name, one.n), func(t *testing.T) { a.fails(t, first, one, was, is) })
			}
		})
	}
}

func (a counterAct) begin(t *testing.T, first *counter) *counter {
	c := first.fork(t)
	if a.ready != nil {
		a.ready(t, c)
	}
	return c
}

func (a counterAct) fails(t *testing.T, first *counter, one try, was, is map[string]int) {
	c := a.begin(t, first)
	one.set(c.scene, one.n)
	err := a.do(t.Context(), c)
	failed := c.heal()
	require.True(t, failed || err == nil, "%v", err)
	isDone := func(err error) bool {
		return slices.ContainsFunc(a.done, func(d error) bool { return errors.Is(err, d) })
	}
	if err != nil && !isDone(err) {
		require.NotEmpty(t, vault.Code(err), "a typed error, not %v", err)
	}
	c.Clock.Advance(31 * time.Second) // what was asked of the witness is asked again
	last := c.elsewhere(t)
	got := last.look(t)
	if err == nil || errors.Is(err, vault.ErrUnconfirmed) {
		require.Equal(t, is, got, "after %v", err)
	}
	for what, n := range got {
		require.Contains(t, []int{was[what], is[what]}, n, "%s, after %v", what, err)
	}
	if err != nil {
		by := last
		if one.n%2 == 0 {
			by = c
		}
		again := a.do(t.Context(), by)
		require.True(t, again == nil || isDone(again), "first %v, then %v", err, again)
		last.amina = signedIn(t, last.Stage, last.amina)
		require.Equal(t, is, last.look(t), "after %v", err)
	}
	if a.after != nil {
		a.after(t, last)
	}
	last.requireSealed(t)
}

// requireSealed looks for what the person and the partner said in the whole store.
func (c *counter) requireSealed(t testing.TB) {
	t.Helper()
	for rec, err := range storage.New(c.records).All(t.Context(), "") {
		require.NoError(t, err)
		for _, word := range []string{"paid in March", "FILE-4711", "Diallo", housingAid.Text, "Lundi 9 h"} {
			require.False(t, bytes.Contains(rec.Value, []byte(word)) || strings.Contains(rec.Key, word), "%q in %s", word, rec.Key)
		}
	}
}

func (c *counter) atOffice(ctx context.Context, do func(o *consent.Office) error) error {
	o, err := c.Office(ctx, c.body.ID)
	if err != nil {
		return err
	}
	return do(o)
}

func (c *counter) newAsk() consent.NewAsk {
	return consent.NewAsk{Kinds: []consent.PaperKind{consent.PaperIdentity}, Purpose: housingAid, Lasts: sceneStart.Add(30 * 24 * time.Hour)}
}

var fileTraits = consent.Traits{Number: "FILE-4711", FamilyName: "Diallo", FirstName: "Amina", BirthDate: "1990-01-01"}

// answering answers the request that waits. vault.ErrNotFound if there is none.
func (c *counter) answering(ctx context.Context, do func(a consent.Asked) error) error {
	all, err := c.Asked(ctx, c.amina.Vault)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return vault.ErrNotFound
	}
	return do(all[0])
}

func (c *counter) present(ctx context.Context) error {
	return c.answering(ctx, func(a consent.Asked) error {
		_, err := c.Present(ctx, c.amina.Vault, consent.NewPresentation{
			Ask: a.ID, Items: []vault.ItemID{c.note}, Until: sceneStart.Add(7 * 24 * time.Hour), Notice: testNotice, Agreed: true,
		}, c.secretOf(c.amina))
		return err
	})
}

func (c *counter) asks(ctx context.Context) error {
	return c.atOffice(ctx, func(o *consent.Office) (err error) {
		c.token, err = o.Ask(ctx, c.code, c.newAsk())
		return err
	})
}

func (c *counter) asksLink(ctx context.Context) error {
	blind, err := consent.BlindTraits(fileTraits)
	if err != nil {
		return err
	}
	return c.atOffice(ctx, func(o *consent.Office) error {
		c.token, err = o.AskLink(ctx, c.code, housingAid, blind)
		return err
	})
}

func (c *counter) agrees(ctx context.Context) error {
	return c.answering(ctx, func(a consent.Asked) error { return c.AgreeLink(ctx, c.amina.Vault, a.ID, fileTraits) })
}

// What was done before an act.
func hasCode(t testing.TB, c *counter) {
	code, err := c.AskCode(t.Context(), c.amina.Vault)
	require.NoError(t, err)
	c.code = code.Code
}

func hasAsked(t testing.TB, c *counter) {
	hasCode(t, c)
	require.NoError(t, c.asks(t.Context()))
}

func hasAskedLink(t testing.TB, c *counter) {
	hasCode(t, c)
	require.NoError(t, c.asksLink(t.Context()))
}

func hasPresented(t testing.TB, c *counter) {
	hasAsked(t, c)
	require.NoError(t, c.present(t.Context()))
	all, err := c.Presentations(t.Context(), c.amina.Vault)
	require.NoError(t, err)
	c.presentation = all[0].Grant
}

func hasLink(t testing.TB, c *counter) {
	hasAskedLink(t, c)
	require.NoError(t, c.agrees(t.Context()))
	require.NoError(t, c.atOffice(t.Context(), func(o *consent.Office) (err error) {
		c.link, err = o.Link(t.Context(), c.token)
		return err
	}))
}

func hasLet(t testing.TB, c *counter) {
	hasLink(t, c)
	require.NoError(t, c.LetLeave(t.Context(), c.amina.Vault, c.body.ID))
}

func hasBlocked(t testing.TB, c *counter) {
	hasLet(t, c)
	require.NoError(t, c.BlockPartner(t.Context(), c.amina.Vault, c.body.ID))
}

// takesNothing says that what the partner sends is not taken, and that the vault has no link
// in force.
func takesNothing(t testing.TB, c *counter) {
	require.Zero(t, c.look(t)["links of the vault"])
	err := c.atOffice(t.Context(), func(o *consent.Office) error {
		return o.LeaveNote(t.Context(), c.link, "A", vault.Note{Text: "B"})
	})
	require.ErrorIs(t, err, vault.ErrNotTaken)
}

// takes says that what the partner sends is taken, and that ending it ends it.
func takes(t testing.TB, c *counter) {
	require.NoError(t, c.atOffice(t.Context(), func(o *consent.Office) error {
		return o.LeaveNote(t.Context(), c.link, "A", vault.Note{Text: "B"})
	}))
	require.NoError(t, c.StopLeaving(t.Context(), c.amina.Vault, c.body.ID))
	takesNothing(t, c)
}

// tookIn says that what was left is with the person.
func tookIn(t testing.TB, c *counter) {
	_, err := c.amina.Vault.TakeIn(t.Context()) // what signing in has not
	require.NoError(t, err)
	all, err := c.amina.Vault.List(t.Context(), &vault.ListOptions{Compartment: vault.Private})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, it := range all {
		if it.Document == nil {
			continue
		}
		content, err := c.amina.Vault.ReadDocument(t.Context(), it.ID)
		require.NoError(t, err)
		_, err = new(bytes.Buffer).ReadFrom(content)
		require.NoError(t, err)
	}
}

// onPartner is an act of the person with the partner.
func onPartner(do func(s *counter, ctx context.Context, v *vault.Vault, id consent.PartnerID) error) func(ctx context.Context, c *counter) error {
	return func(ctx context.Context, c *counter) error { return do(c, ctx, c.amina.Vault, c.body.ID) }
}

var partnerActs = map[string]counterAct{
	"register": {
		prepare: func(t testing.TB, c *counter) { c.entry = c.newBody(t, "CPAM") },
		do: func(ctx context.Context, c *counter) error {
			return c.Publish(ctx, consent.Change{Partner: &c.entry.Partner})
		},
	},
	"withdraw the partner": {
		prepare: hasPresented,
		do: func(ctx context.Context, c *counter) error {
			return c.Publish(ctx, consent.Change{WithdrawPartner: &c.body.ID, On: "2026-03-02"})
		},
	},
	"give a code": {do: func(ctx context.Context, c *counter) error { _, err := c.AskCode(ctx, c.amina.Vault); return err }},
	"ask":         {ready: hasCode, do: func(ctx context.Context, c *counter) error { return c.asks(ctx) }, done: []error{consent.ErrAskCode}},
	"ask by a link": {prepare: hasLink, do: func(ctx context.Context, c *counter) error {
		return c.atOffice(ctx, func(o *consent.Office) error { _, err := o.AskLinked(ctx, c.link, c.newAsk()); return err })
	}},
	"ask for a link": {ready: hasCode, do: func(ctx context.Context, c *counter) error { return c.asksLink(ctx) }, done: []error{consent.ErrAskCode}},
	"agree to a link": {
		prepare: hasAskedLink,
		do:      func(ctx context.Context, c *counter) error { return c.agrees(ctx) },
		done:    []error{vault.ErrNotFound},
		after: func(t testing.TB, c *counter) {
			require.NoError(t, c.atOffice(t.Context(), func(o *consent.Office) error { _, err := o.Link(t.Context(), c.token); return err }))
		},
	},
	"refuse": {
		prepare: hasAsked,
		do: func(ctx context.Context, c *counter) error {
			return c.answering(ctx, func(a consent.Asked) error { return c.RefuseAsk(ctx, c.amina.Vault, a.ID) })
		},
		done: []error{vault.ErrNotFound},
	},
	"present": {prepare: hasAsked, do: func(ctx context.Context, c *counter) error { return c.present(ctx) }, done: []error{vault.ErrNotFound}, after: fetchesIt},
	"fetch": {
		prepare: hasPresented,
		do: func(ctx context.Context, c *counter) error {
			return c.atOffice(ctx, func(o *consent.Office) error { _, err := o.Take(ctx, c.token); return err })
		},
		after: fetchesIt,
	},
	"take back": {
		prepare: hasPresented,
		do: func(ctx context.Context, c *counter) error {
			_, err := c.Withdraw(ctx, c.amina.Vault, c.presentation, nil)
			return err
		},
		done: []error{vault.ErrEnded},
		after: func(t testing.TB, c *counter) {
			err := c.atOffice(t.Context(), func(o *consent.Office) error { _, err := o.Take(t.Context(), c.token); return err })
			require.ErrorIs(t, err, consent.ErrNoAnswer)
		},
	},
	"let leave": {prepare: hasLink, do: onPartner((*counter).LetLeave), after: takes},
	"let leave again": {prepare: func(t testing.TB, c *counter) {
		hasLet(t, c)
		require.NoError(t, c.StopLeaving(t.Context(), c.amina.Vault, c.body.ID))
	}, do: onPartner((*counter).LetLeave), after: takes},
	"leave a message": {prepare: hasLet, do: func(ctx context.Context, c *counter) error {
		return c.atOffice(ctx, func(o *consent.Office) error {
			return o.LeaveNote(ctx, c.link, "Rendez-vous", vault.Note{Text: "Lundi 9 h"})
		})
	}, after: tookIn},
	"leave a paper": {prepare: hasLet, do: func(ctx context.Context, c *counter) error {
		return c.atOffice(ctx, func(o *consent.Office) error {
			return o.LeaveDocument(ctx, c.link, vault.NewDocument{Name: "Notification", Size: -1}, bytes.NewReader(testfiles.Letter().Bytes()))
		})
	}, after: tookIn},
	"stop leaving":  {prepare: hasLet, do: onPartner((*counter).StopLeaving), after: takesNothing},
	"block":         {prepare: hasLet, do: onPartner((*counter).BlockPartner), after: takesNothing},
	"unblock":       {prepare: hasBlocked, do: onPartner((*counter).UnblockPartner), after: takesNothing},
	"end the links": {prepare: hasLet, do: onPartner((*counter).EndPartnerLinks), after: takesNothing},
	"forget a link": {prepare: hasLet, do: func(ctx context.Context, c *counter) error {
		return c.atOffice(ctx, func(o *consent.Office) error { return o.Unlink(ctx, c.link) })
	}, after: func(t testing.TB, c *counter) {
		require.NoError(t, c.StopLeaving(t.Context(), c.amina.Vault, c.body.ID))
		takesNothing(t, c)
	}},
}

// fetchesIt says that the partner opens what was presented, and nothing else.
func fetchesIt(t testing.TB, c *counter) {
	require.NoError(t, c.atOffice(t.Context(), func(o *consent.Office) error {
		h, err := o.Take(t.Context(), c.token)
		if err != nil {
			return err
		}
		papers, err := consent.OpenHanded(c.body.keys, c.body.ID, c.PublicKey(), h)
		require.NoError(t, err)
		require.Len(t, papers.Items, 1)
		require.Equal(t, "Rent", papers.Items[0].Name)
		return nil
	}))
}
