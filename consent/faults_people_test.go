package consent_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

const accountPIN = "471903"

// help has Samir do something at the relay.
func help(ctx context.Context, s *scene, do func(p *consent.Post) error) error {
	return atRelay(ctx, s, s.samir, do)
}

// openAccount opens an account with Ibrahim, or goes on with what was begun.
func openAccount(ctx context.Context, s *scene) error {
	if s.account != nil {
		return nil // it said what is in force
	}
	n := newAccount()
	n.PIN = accountPIN
	return help(ctx, s, func(p *consent.Post) error {
		drafts, err := p.Drafts(ctx)
		if err != nil {
			return err
		}
		var a *consent.Account
		if len(drafts) > 0 {
			a, err = p.ResumeAccount(ctx, drafts[0].ID, n)
		} else {
			a, err = p.OpenAccount(ctx, n)
		}
		if a != nil {
			s.account = &vaulttest.Person{Login: a.Login, Password: n.Password}
			s.code = a.Card.Code
		}
		return err
	})
}

// hasAccount says that Ibrahim has his account, whole and once, also after the sweep.
func hasAccount(t testing.TB, s *scene) {
	require.NotNil(t, s.account, "he was told his login")
	s.Clock.Advance(49 * time.Hour)
	for _, process := range []*scene{s.acted, s} {
		_, err := process.Sweep(t.Context())
		require.NoError(t, err)
	}
	v := s.account.SignIn(t, s.Stage.Stage)
	all, err := s.Followers(t.Context(), v)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.True(t, all[0].InForce)
	consents, err := v.Consents(t.Context())
	require.NoError(t, err)
	require.Len(t, consents, 1)
	_, err = s.UnlockCard(t.Context(), vault.CardSignIn{Card: s.code, PIN: accountPIN})
	require.NoError(t, err)
	again := s.elsewhere(t)
	p := again.samir.At(t, s.relay)
	drafts, err := p.Drafts(t.Context())
	require.NoError(t, err)
	require.Empty(t, drafts)
	require.Len(t, mustPeople(t, p), 3)
}

// letIn is what a person says yes to at the relay.
func (s *scene) letIn() consent.Follow {
	return consent.Follow{Relay: s.relay.ID, Scope: vault.ScopeAdd, Notice: testNotice, Agreed: true, Name: "Ibrahim"}
}

func (s *scene) secretOf(who *vaulttest.Person) vault.Secret {
	return vault.Secret{Password: who.Password}
}

// ibrahim has an account, and lets nobody in.
func ibrahim(t testing.TB, s *scene) { s.account = s.Person(t) }

// visiting is what Ibrahim shows at the moment.
func (s *scene) visiting(ctx context.Context) ([]consent.Follower, error) {
	all, err := s.Followers(ctx, s.account.Vault)
	return slices.DeleteFunc(all, func(f consent.Follower) bool { return !f.Visit || !f.InForce }), err
}

func visit(ctx context.Context, s *scene) error {
	if all, err := s.visiting(ctx); err != nil || len(all) > 0 {
		return err
	}
	return help(ctx, s, func(p *consent.Post) error {
		code, err := p.VisitCode(ctx)
		if err != nil {
			return err
		}
		_, err = s.Visit(ctx, s.account.Vault, consent.NewVisit{Code: code.String(), Lasts: time.Hour, Notice: testNotice, Agreed: true, Name: "Ibrahim"}, s.secretOf(s.account))
		return err
	})
}

// shown says how much Ibrahim shows Samir, who opens it.
func shown(n int) func(t testing.TB, s *scene) {
	return func(t testing.TB, s *scene) {
		all, err := s.visiting(t.Context())
		require.NoError(t, err)
		require.Len(t, all, n)
		p := s.samir.At(t, s.relay)
		visits, err := p.Visits(t.Context())
		require.NoError(t, err)
		require.Len(t, visits, n)
		for _, one := range visits {
			v, err := p.OpenVisit(t.Context(), one.Grant, aboutHousing)
			require.NoError(t, err)
			v.Close()
		}
	}
}

// drafts says how many accounts are being opened, at most.
func drafts(least, most int) func(t testing.TB, s *scene) {
	return func(t testing.TB, s *scene) {
		all, err := s.samir.At(t, s.relay).Drafts(t.Context())
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(all), least)
		require.LessOrEqual(t, len(all), most)
	}
}

var peopleActs = map[string]act{
	"begin an account": {
		do: func(ctx context.Context, s *scene) error {
			return help(ctx, s, func(p *consent.Post) error { _, err := p.BeginAccount(ctx, "Ibrahim"); return err })
		},
		after: drafts(1, 2), // of which the worker drops one
	},
	"open an account": {do: openAccount, after: hasAccount},
	"resume an account": {
		prepare: func(t testing.TB, s *scene) {
			d, err := s.samir.At(t, s.relay).BeginAccount(t.Context(), "Ibrahim")
			require.NoError(t, err)
			req := vaulttest.CreateRequest(newAccount().Password)
			req.Login = d.Login
			_, err = s.Create(t.Context(), req)
			require.NoError(t, err)
		},
		do: openAccount,
		after: func(t testing.TB, s *scene) {
			require.NotNil(t, s.account, "he was told his login")
			drafts(0, 0)(t, s)
			s.account.SignIn(t, s.Stage.Stage)
		},
	},
	"drop a draft": {
		prepare: func(t testing.TB, s *scene) {
			d, err := s.samir.At(t, s.relay).BeginAccount(t.Context(), "Ibrahim")
			require.NoError(t, err)
			s.draft = d.ID
		},
		do: func(ctx context.Context, s *scene) error {
			return help(ctx, s, func(p *consent.Post) error { return p.DropDraft(ctx, s.draft) })
		},
		done:  []error{vault.ErrNotFound},
		after: drafts(0, 0),
	},
	"follow": {
		prepare: ibrahim,
		do: func(ctx context.Context, s *scene) error {
			_, err := s.Follow(ctx, s.account.Vault, s.letIn(), s.secretOf(s.account))
			return err
		},
		done: []error{consent.ErrFollowed},
		after: func(t testing.TB, s *scene) {
			all, err := s.Followers(t.Context(), s.account.Vault)
			require.NoError(t, err)
			require.Len(t, all, 1)
		},
	},
	"withdraw": {
		do: func(ctx context.Context, s *scene) error {
			secret := s.secretOf(s.amina)
			_, err := s.Withdraw(ctx, s.amina.Vault, s.grant, &secret)
			return err
		},
		done: []error{vault.ErrEnded},
	},
	"take notes": {
		do: func(ctx context.Context, s *scene) error {
			return help(ctx, s, func(p *consent.Post) error { _, err := p.People(ctx); return err })
		},
	},
	"give up": {
		do: func(ctx context.Context, s *scene) error {
			return help(ctx, s, func(p *consent.Post) error { return p.GiveUp(ctx, s.amina.Vault.ID(), aboutHousing) })
		},
		done: []error{vault.ErrNotFound},
	},
	"begin a visit": {prepare: ibrahim, do: visit, after: shown(1)},
	"end a visit": {
		prepare: func(t testing.TB, s *scene) {
			ibrahim(t, s)
			require.NoError(t, visit(t.Context(), s))
		},
		do: func(ctx context.Context, s *scene) error {
			all, err := s.visiting(ctx)
			if err != nil || len(all) == 0 {
				return err
			}
			_, err = s.Withdraw(ctx, s.account.Vault, all[0].Grant, nil)
			return err
		},
		done:  []error{vault.ErrEnded},
		after: shown(0),
	},
}
