package consent_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
)

// desk has the manager do something at the relay.
func desk(ctx context.Context, s *scene, do func(p *consent.Post) error) error {
	return atRelay(ctx, s, s.manager, do)
}

func atRelay(ctx context.Context, s *scene, w *consenttest.Staff, do func(p *consent.Post) error) error {
	p, err := w.Worker.At(ctx, s.relay.ID)
	if err != nil {
		return err
	}
	defer p.Close()
	return do(p)
}

// given keeps the sheet that an act gave.
func (s *scene) given(sheet *consent.Sheet, err error) error {
	if sheet != nil {
		s.sheet = sheet
	}
	return err
}

func invited(t testing.TB, s *scene) {
	i, err := s.relay.Desk(t).Invite(t.Context(), both, nil)
	require.NoError(t, err)
	s.code = i.Code
}

func asked(t testing.TB, s *scene) {
	invited(t, s)
	_, err := s.zoe.Ask(t.Context(), s.code)
	require.NoError(t, err)
	s.digits, err = s.zoe.Fingerprint(t.Context())
	require.NoError(t, err)
}

// inTeam says who works there, by the manager's list.
func inTeam(n int) func(t testing.TB, s *scene) {
	return func(t testing.TB, s *scene) { require.Len(t, members(t, s.relay.Desk(t)), n) }
}

// bySheetAlone says that the new sheet, and only that, opens the relay.
func bySheetAlone(t testing.TB, s *scene) {
	if s.sheet != nil {
		bySheet(t, s.Stage, *s.sheet).Close()
	}
	_, _, err := s.zoe.RecoverRelay(t.Context(), s.relay.Sheet)
	require.ErrorIs(t, err, vault.ErrSignIn)
}

var teamActs = map[string]act{
	"found": {
		prepare: func(t testing.TB, s *scene) {
			i, err := s.InviteManager(t.Context())
			require.NoError(t, err)
			s.code = i.Code
		},
		do:   func(ctx context.Context, s *scene) error { _, err := s.zoe.FoundRelay(ctx, s.code); return err },
		done: []error{consent.ErrInvitation},
		after: func(t testing.TB, s *scene) {
			mine, err := s.zoe.Relays(t.Context())
			require.NoError(t, err)
			require.Len(t, mine, 1, "one relay, whatever was begun")
			keys, err := s.Vaults.Public(t.Context(), mine[0].Relay.ID, nil)
			require.NoError(t, err)
			entry := s.Entry(consent.Founded{Relay: mine[0].Relay.ID, Key: consent.RelayKey(keys.Key)}, "Station")
			s.Sign(t, consent.Change{Relay: &entry})
			p, err := s.zoe.Worker.At(t.Context(), entry.ID)
			require.NoError(t, err)
			require.Len(t, members(t, p), 1)
		},
	},
	"begin at a founded relay": {
		prepare: func(t testing.TB, s *scene) {
			i, err := s.InviteManager(t.Context())
			require.NoError(t, err)
			f, err := s.zoe.FoundRelay(t.Context(), i.Code)
			require.NoError(t, err)
			entry := s.Entry(f, "Station")
			s.Sign(t, consent.Change{Relay: &entry})
			s.code = entry.ID.String()
		},
		do: func(ctx context.Context, s *scene) error {
			id, err := consent.ParseRelayID(s.code)
			if err != nil {
				return err
			}
			p, err := s.zoe.Worker.At(ctx, id)
			if err == nil {
				p.Close()
			}
			return err
		},
		after: func(t testing.TB, s *scene) {
			id, err := consent.ParseRelayID(s.code)
			require.NoError(t, err)
			p, err := s.zoe.Worker.At(t.Context(), id)
			require.NoError(t, err)
			require.Len(t, members(t, p), 1)
		},
	},
	"invite": {
		do: func(ctx context.Context, s *scene) error {
			return desk(ctx, s, func(p *consent.Post) error {
				i, err := p.Invite(ctx, both, nil)
				s.code = i.Code
				return err
			})
		},
		after: inTeam(3),
	},
	"ask": {
		prepare: invited,
		do:      func(ctx context.Context, s *scene) error { _, err := s.zoe.Ask(ctx, s.code); return err },
		done:    []error{consent.ErrInvitation},
		after: func(t testing.TB, s *scene) {
			all, err := s.relay.Desk(t).Requests(t.Context())
			require.NoError(t, err)
			require.Len(t, all, 1)
			require.Equal(t, s.zoe.ID(), all[0].Worker)
		},
	},
	"refuse who asks": {
		prepare: asked,
		do: func(ctx context.Context, s *scene) error {
			return desk(ctx, s, func(p *consent.Post) error { return p.Refuse(ctx, s.zoe.ID()) })
		},
		done:  []error{vault.ErrNotFound},
		after: inTeam(3),
	},
	"admit": {
		prepare: asked,
		do: func(ctx context.Context, s *scene) error {
			return desk(ctx, s, func(p *consent.Post) error {
				return p.Admit(ctx, consent.Admission{Worker: s.zoe.ID(), Fingerprint: s.digits, Roles: both})
			})
		},
		after: inTeam(4),
	},
	"let a worker manage": {
		do: func(ctx context.Context, s *scene) error {
			return desk(ctx, s, func(p *consent.Post) error { return s.given(p.SetRoles(ctx, s.samir.ID(), both)) })
		},
		after: inTeam(3),
	},
	"let a manager manage no more": {
		do: func(ctx context.Context, s *scene) error {
			return desk(ctx, s, func(p *consent.Post) error { return s.given(p.SetRoles(ctx, s.second.ID(), consent.RoleHelp)) })
		},
		after: func(t testing.TB, s *scene) { inTeam(3)(t, s); bySheetAlone(t, s) },
	},
	"suspend": {
		do: func(ctx context.Context, s *scene) error {
			return desk(ctx, s, func(p *consent.Post) error { return s.given(p.Suspend(ctx, s.second.ID())) })
		},
		after: func(t testing.TB, s *scene) {
			require.Equal(t, consent.MemberSuspended, members(t, s.relay.Desk(t))["Second"])
			bySheetAlone(t, s)
		},
	},
	"resume": {
		prepare: func(t testing.TB, s *scene) {
			require.NoError(t, s.given(s.relay.Desk(t).Suspend(t.Context(), s.second.ID())))
		},
		do: func(ctx context.Context, s *scene) error {
			return desk(ctx, s, func(p *consent.Post) error { return p.Resume(ctx, s.second.ID()) })
		},
		done: []error{vault.ErrNotFound},
		after: func(t testing.TB, s *scene) {
			require.Equal(t, consent.MemberActive, members(t, s.relay.Desk(t))["Second"])
		},
	},
	"remove a worker": {
		do: func(ctx context.Context, s *scene) error {
			return desk(ctx, s, func(p *consent.Post) error { return s.given(p.Remove(ctx, s.samir.ID())) })
		},
		done:  []error{vault.ErrNotFound},
		after: inTeam(2),
	},
	"remove a manager": {
		do: func(ctx context.Context, s *scene) error {
			return desk(ctx, s, func(p *consent.Post) error { return s.given(p.Remove(ctx, s.second.ID())) })
		},
		done:  []error{vault.ErrNotFound},
		after: func(t testing.TB, s *scene) { inTeam(2)(t, s); bySheetAlone(t, s) },
	},
	"leave": {
		do: func(ctx context.Context, s *scene) error {
			return atRelay(ctx, s, s.second, func(p *consent.Post) error { return p.Leave(ctx) })
		},
		done: []error{consent.ErrNotMember, vault.ErrEnded},
	},
	"renew": {
		prepare: func(t testing.TB, s *scene) {
			const next = "a new password of mine"
			require.NoError(t, s.samir.Own().ChangePassword(t.Context(), vault.ChangePassword{Old: s.samir.Password, New: next, KnownToOthers: true}))
			s.samir.Password = next
			var err error
			s.digits, err = s.samir.Fingerprint(t.Context())
			require.NoError(t, err)
		},
		do: func(ctx context.Context, s *scene) error {
			return desk(ctx, s, func(p *consent.Post) error { return s.given(p.Renew(ctx, s.samir.ID(), s.digits)) })
		},
		after: inTeam(3),
	},
	"replace a forgotten password": {
		prepare: asked,
		do: func(ctx context.Context, s *scene) error {
			return desk(ctx, s, func(p *consent.Post) error {
				return s.given(p.ReplaceForgotten(ctx, s.second.ID(), consent.Admission{Worker: s.zoe.ID(), Fingerprint: s.digits, Roles: both}))
			})
		},
		done:  []error{vault.ErrNotFound},
		after: inTeam(3),
	},
	"recover with the sheet": {
		do: func(ctx context.Context, s *scene) error {
			_, sheet, err := s.zoe.RecoverRelay(ctx, s.relay.Sheet)
			if sheet.Code != "" {
				s.sheet = &sheet
			}
			return err
		},
		done:  []error{vault.ErrSignIn},
		after: func(t testing.TB, s *scene) { inTeam(4)(t, s); bySheetAlone(t, s) },
	},
	"rotate the relay's key": {
		do: func(ctx context.Context, s *scene) error {
			return desk(ctx, s, func(p *consent.Post) error {
				sheet, err := p.RotateKey(ctx)
				if sheet.Code != "" {
					s.sheet = &sheet
				}
				return err
			})
		},
		after: func(t testing.TB, s *scene) { inTeam(3)(t, s); bySheetAlone(t, s) },
	},
}
