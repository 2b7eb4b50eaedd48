package main

import (
	"context"
	"errors"
	"fmt"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

const signInTarget = 1.15

// measureSignIn is P6: a whole sign-in with a session, everything durable,
// against the derivation that it cannot do without.
func measureSignIn(ctx context.Context, o options) ([]result, error) {
	dir, remove, err := tempFolder(o)
	if err != nil {
		return nil, err
	}
	defer remove()
	l, err := local.Open(dir)
	if err != nil {
		return nil, err
	}
	t, err := signInTimes(ctx, o, l)
	if err := errors.Join(err, l.Close()); err != nil {
		return nil, err
	}
	ratio := float64(t[1]) / float64(t[0])
	return []result{{"P6", "sign-in with a session", fmt.Sprintf("%.2f of Argon2id (%v)", ratio, t[0].Round(1e6)), "<= 1.15", ratio <= signInTarget}}, nil
}

func signInTimes(ctx context.Context, o options, l *local.Local) (medians []duration, err error) {
	vaults, err := people(ctx, l, 1)
	if err != nil {
		return nil, err
	}
	login, err := vaults[0].Login(ctx)
	if err != nil {
		return nil, err
	}
	kdf := seal.NewKDF()
	return inTurns(ctx, 3*o.repeat,
		func() error {
			_, err := kdf.Derive([]byte(password))
			return err
		},
		func() error {
			v, err := l.Unlock(ctx, vault.Password{Login: login, Secret: password, Session: &vault.SessionRequest{Device: "bench"}})
			if err == nil {
				v.Close()
			}
			return err
		})
}
