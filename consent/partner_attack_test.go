package consent_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// TestAttack holds what the store, a stranger and another partner do against the promise:
// nobody opens what was not presented to them.
func TestAttackOnPartners(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]func(t *testing.T, tn *town, caf, other *body, token string){
		"P1_store_swaps_partner_keys": func(t *testing.T, tn *town, caf, other *body, _ string) {
			at := tn.Directory.ID().String() + "/x/o/"
			for key, value := range scan(t, tn, at) {
				set(t, tn, key, []byte(strings.ReplaceAll(string(value), string(caf.Box), string(other.Box))))
			}
			// What another process reads, which has seen nothing yet.
			fresh := tn.Another(t, nil)
			_, err := fresh.Service.Office(t.Context(), caf.ID)
			require.ErrorIs(t, err, vault.ErrTampered)
		},
		"P2_replayed_request": func(t *testing.T, tn *town, caf, _ *body, token string) {
			require.NoError(t, tn.service.RefuseAsk(t.Context(), tn.amina.Vault, tn.askAgain(t, caf)))
			place := tn.amina.Vault.ID().String() + "/pa/"
			for _, value := range scan(t, tn, place) { // the same, under another name and to another person
				set(t, tn, place+vault.ID(randomID()).String(), value)
			}
			all, err := tn.service.Asked(t.Context(), tn.amina.Vault)
			require.NoError(t, err)
			require.Empty(t, all)
		},
		"P3_takes_after_the_end": func(t *testing.T, tn *town, caf, _ *body, token string) {
			kept := tn.contents(t)
			_, err := tn.service.Withdraw(t.Context(), tn.amina.Vault, tn.grant(t).ID, nil)
			require.NoError(t, err)
			now := tn.contents(t)
			for key, value := range kept { // the store brings the record back
				if _, there := now[key]; !there {
					set(t, tn, key, value)
				}
			}
			_, err = tn.fetched(t, caf, token)
			require.ErrorIs(t, err, consent.ErrNoAnswer)
		},
		"P4_two_presentations_swapped": func(t *testing.T, tn *town, caf, other *body, token string) {
			lease := tn.paper(t, "Lease", vault.Shared)
			second := tn.presented(t, other, lease.ID)
			at := tn.amina.Vault.ID().String() + "/g/"
			records := scan(t, tn, at)
			require.Len(t, records, 2)
			var names []string
			for key := range records {
				names = append(names, key)
			}
			set(t, tn, names[0], records[names[1]])
			set(t, tn, names[1], records[names[0]])
			for _, try := range []struct {
				b     *body
				token string
			}{{caf, token}, {other, second}} {
				_, err := tn.fetched(t, try.b, try.token)
				require.ErrorIs(t, err, vault.ErrTampered)
			}
		},
		"P5_expired": func(t *testing.T, tn *town, caf, _ *body, token string) {
			until := tn.grant(t).Until
			keep := until.Sub(tn.Clock.Now())
			tn.Clock.Advance(keep)
			_, err := tn.fetched(t, caf, token)
			require.ErrorIs(t, err, consent.ErrNoAnswer)
		},
		"P6_token_of_another_partner": func(t *testing.T, tn *town, _, other *body, token string) {
			_, err := tn.office(t, other).Take(t.Context(), token)
			require.ErrorIs(t, err, consent.ErrNoAnswer)
		},
		"P7_codes_are_guessed": func(t *testing.T, tn *town, _, other *body, _ string) {
			code, err := tn.service.AskCode(t.Context(), tn.amina.Vault)
			require.NoError(t, err)
			office := tn.office(t, other)
			somebody := tn.Person(t)
			for range 5 {
				wrong, err := tn.service.AskCode(t.Context(), somebody.Vault)
				require.NoError(t, err)
				_, err = office.Ask(t.Context(), wrong.Code, tn.newAsk())
				require.NoError(t, err)
				_, err = office.Ask(t.Context(), wrong.Code, tn.newAsk())
				require.ErrorIs(t, err, consent.ErrAskCode)
			}
			_, err = office.Ask(t.Context(), code.Code, tn.newAsk())
			require.ErrorIs(t, err, vault.ErrTooMany, "also the right one")
		},
		"P8_a_withdrawn_partner_takes": func(t *testing.T, tn *town, caf, _ *body, token string) {
			office := tn.office(t, caf) // opened before
			tn.publish(t, consent.Change{WithdrawPartner: &caf.ID, On: "2026-03-02"})
			_, err := office.Take(t.Context(), token)
			require.ErrorIs(t, err, vault.ErrEnded)
		},
		"P10_leaves_by_another_partners_link": func(t *testing.T, tn *town, caf, other *body, _ string) {
			link := agreedLink(t, tn, caf)
			require.NoError(t, tn.service.LetLeave(t.Context(), tn.amina.Vault, caf.ID))
			require.ErrorIs(t, tn.leaves(t, tn.office(t, other), link, nil), vault.ErrNotTaken)
			require.NoError(t, tn.leaves(t, tn.office(t, caf), link, nil))
		},
		"P11_the_store_brings_back_that_it_was_let": func(t *testing.T, tn *town, caf, _ *body, _ string) {
			link := agreedLink(t, tn, caf)
			require.NoError(t, tn.service.LetLeave(t.Context(), tn.amina.Vault, caf.ID))
			kept := scan(t, tn, "svc/partner/")
			require.NoError(t, tn.service.BlockPartner(t.Context(), tn.amina.Vault, caf.ID))
			for key, value := range kept {
				set(t, tn, key, value)
			}
			require.ErrorIs(t, tn.leaves(t, tn.office(t, caf), link, nil), vault.ErrNotTaken)
		},
		"P12_the_store_hides_that_it_was_let": func(t *testing.T, tn *town, caf, _ *body, _ string) {
			link := agreedLink(t, tn, caf)
			require.NoError(t, tn.service.LetLeave(t.Context(), tn.amina.Vault, caf.ID))
			kept := scan(t, tn, "svc/partner/")
			deleteAll(t, tn, "svc/partner/")
			require.NoError(t, tn.service.StopLeaving(t.Context(), tn.amina.Vault, caf.ID))
			for key, value := range kept {
				set(t, tn, key, value)
			}
			require.ErrorIs(t, tn.leaves(t, tn.office(t, caf), link, nil), vault.ErrNotTaken)
			now, err := tn.service.LeavingPartners(t.Context(), tn.amina.Vault)
			require.NoError(t, err)
			require.Empty(t, now)
		},
		"P9_the_store_writes_a_request": func(t *testing.T, tn *town, caf, _ *body, _ string) {
			// Everything that it has of another person's requests, put where Amina's are.
			somebody := tn.Person(t)
			code, err := tn.service.AskCode(t.Context(), somebody.Vault)
			require.NoError(t, err)
			_, err = tn.office(t, caf).Ask(t.Context(), code.Code, tn.newAsk())
			require.NoError(t, err)
			for key, value := range scan(t, tn, somebody.Vault.ID().String()+"/pa/") {
				set(t, tn, strings.Replace(key, somebody.Vault.ID().String(), tn.amina.Vault.ID().String(), 1), value)
			}
			all, err := tn.service.Asked(t.Context(), tn.amina.Vault)
			require.NoError(t, err)
			require.Empty(t, all)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tn := newTown(t, nil)
			caf, other := tn.newBody(t, "CAF"), tn.newBody(t, "CPAM")
			card := tn.paper(t, "Card", vault.Shared)
			attack(t, tn, caf, other, tn.presented(t, caf, card.ID))
		})
	}
}

// askAgain is one more request, by its id.
func (tn *town) askAgain(t testing.TB, b *body) [16]byte {
	t.Helper()
	tn.asked(t, b)
	return tn.waiting(t).ID
}

// TestNobodyOpensWhatWasNotPresentedToThem: whatever a person and three partners do, in
// whatever order, each partner fetches exactly what was presented to it and not taken back,
// and all its keys with the whole store open nothing else.
func TestNobodyOpensWhatWasNotPresentedToThem(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	bodies := []*body{tn.newBody(t, "CAF"), tn.newBody(t, "CPAM"), tn.newBody(t, "Mairie")}
	papers := []vault.Item{tn.paper(t, "A", vault.Shared), tn.paper(t, "B", vault.Shared), tn.paper(t, "C", vault.Private)}
	rapid.Check(t, func(r *rapid.T) {
		type out struct {
			to    int
			token string
			grant vault.GrantID
			names map[string]string
		}
		var now []out
		for range rapid.IntRange(1, 5).Draw(r, "acts") {
			switch rapid.SampledFrom([]string{"present", "withdraw", "refuse"}).Draw(r, "act") {
			case "present":
				to := rapid.IntRange(0, 2).Draw(r, "to")
				token := tn.asked(t, bodies[to])
				chosen := rapid.SliceOfNDistinct(rapid.IntRange(0, 2), 1, 3, rapid.ID).Draw(r, "papers")
				o := out{to: to, token: token, names: map[string]string{}}
				var ids []vault.ItemID
				private := false
				for _, n := range chosen {
					ids, private = append(ids, papers[n].ID), private || n == 2
					o.names[papers[n].Name] = "this is " + papers[n].Name
				}
				ask := tn.waiting(t)
				_, err := tn.service.Present(t.Context(), tn.amina.Vault, tn.presentation(ask, ids...), tn.secret())
				if private {
					require.ErrorIs(r, err, vault.ErrInvalid)
					require.NoError(r, tn.service.RefuseAsk(t.Context(), tn.amina.Vault, ask.ID))
					break
				}
				require.NoError(r, err)
				h, err := tn.office(t, bodies[to]).Take(t.Context(), token)
				require.NoError(r, err)
				o.grant = h.Grant
				now = append(now, o)
			case "withdraw":
				if len(now) > 0 {
					_, err := tn.service.Withdraw(t.Context(), tn.amina.Vault, now[0].grant, nil)
					require.NoError(r, err)
					_, err = tn.fetched(t, bodies[now[0].to], now[0].token)
					require.ErrorIs(r, err, consent.ErrNoAnswer)
					now = now[1:]
				}
			case "refuse":
				tn.asked(t, bodies[0])
				require.NoError(r, tn.service.RefuseAsk(t.Context(), tn.amina.Vault, tn.waiting(t).ID))
			}
		}
		for _, o := range now {
			got, err := tn.fetched(t, bodies[o.to], o.token)
			require.NoError(r, err)
			require.Equal(r, o.names, got)
			for other, b := range bodies {
				if other != o.to {
					_, err := tn.office(t, b).Take(t.Context(), o.token)
					require.ErrorIs(r, err, consent.ErrNoAnswer)
					tn.opensNothing(t, o.to, bodies, b, o.token)
				}
			}
		}
		for _, o := range now { // a clean table for the next
			_, err := tn.service.Withdraw(t.Context(), tn.amina.Vault, o.grant, nil)
			require.NoError(r, err)
		}
		deleteAll(t, tn, tn.amina.Vault.ID().String()+"/pa/")
	})
}

// opensNothing has a partner try its keys on what another was handed, and on every grant
// that the store has.
func (tn *town) opensNothing(t testing.TB, to int, bodies []*body, thief *body, token string) {
	t.Helper()
	h, err := tn.office(t, bodies[to]).Take(t.Context(), token)
	require.NoError(t, err)
	_, err = consent.OpenHanded(thief.keys, thief.ID, tn.PublicKey(), h)
	require.ErrorIs(t, err, vault.ErrTampered)
	_, err = consent.OpenHanded(thief.keys, bodies[to].ID, tn.PublicKey(), h)
	require.ErrorIs(t, err, vault.ErrTampered)
}

func TestContentThatWasAlteredOrCutIsNotTaken(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	card := tn.paper(t, "Card", vault.Shared)
	token := tn.presented(t, caf, card.ID)
	office := tn.office(t, caf)
	h, err := office.Take(t.Context(), token)
	require.NoError(t, err)
	papers, err := consent.OpenHanded(caf.keys, caf.ID, tn.PublicKey(), h)
	require.NoError(t, err)
	sealed, err := office.TakeDocument(t.Context(), token, card.ID)
	require.NoError(t, err)
	raw, err := io.ReadAll(sealed)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "this is")
	for name, change := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"flipped": func(b []byte) []byte { c := append([]byte(nil), b...); c[len(c)/2] ^= 1; return c },
		"nothing": func([]byte) []byte { return nil },
	} {
		r, err := papers.Read(card.ID, strings.NewReader(string(change(raw))))
		if err == nil {
			_, err = io.ReadAll(r)
		}
		require.ErrorIs(t, err, vault.ErrTampered, name)
	}
}
