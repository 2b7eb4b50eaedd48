package vault_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// withPaper is a flow of one act of a person who has a paper.
func withPaper(prepare func(t testing.TB, w *watched, p *vaulttest.Person), act func(t testing.TB, w *watched, p *vaulttest.Person) error) flow {
	return flow{prepare: func(t testing.TB, w *watched) (*vaulttest.Person, func() error) {
		p := w.Person(t)
		add(t, p.Vault, "paper", content(1, 3000))
		if prepare != nil {
			prepare(t, w, p)
		}
		return p, func() error { return act(t, w, p) }
	}}
}

func (f flow) showing(besides func(t testing.TB, v *vault.Vault) string) flow {
	f.besides = besides
	return f
}

func accountFlows() map[string]flow {
	erase := withPaper(nil, func(t testing.TB, _ *watched, p *vaulttest.Person) error {
		_, err := p.Vault.Erase(t.Context(), p.Password)
		return err
	})
	erase.erases = true
	return map[string]flow{
		"sign in": withPaper(nil, func(t testing.TB, w *watched, p *vaulttest.Person) error {
			_, err := w.Unlock(t.Context(), p.Secret())
			return err
		}),
		"sign in when the bin is due": withPaper(func(t testing.TB, w *watched, p *vaulttest.Person) {
			for n := range 3 {
				it := add(t, p.Vault, fmt.Sprint("old ", n), content(uint64(n), 2000))
				_, err := p.Vault.Bin(t.Context(), it.ID, 1)
				require.NoError(t, err)
			}
			w.Clock.Advance(vault.BinKeeps + time.Hour)
		}, func(t testing.TB, w *watched, p *vaulttest.Person) error {
			_, err := w.Unlock(t.Context(), p.Secret())
			return err
		}),
		"go on with a session": withPaper(nil, func(t testing.TB, w *watched, p *vaulttest.Person) error {
			_, err := w.Resume(t.Context(), p.Vault.Token())
			return err
		}),
		"end other sessions": withPaper(nil, func(t testing.TB, _ *watched, p *vaulttest.Person) error {
			return p.Vault.EndOtherSessions(t.Context())
		}),
		"sign out": withPaper(nil, func(t testing.TB, _ *watched, p *vaulttest.Person) error {
			return p.Vault.SignOut(t.Context())
		}),
		"take everything along": withPaper(nil, takeAlong),
		"close the account": withPaper(nil, func(t testing.TB, _ *watched, p *vaulttest.Person) error {
			_, err := p.Vault.CloseAccount(t.Context(), p.Password)
			return err
		}).showing(closing),
		"reopen the account": withPaper(func(t testing.TB, _ *watched, p *vaulttest.Person) {
			_, err := p.Vault.CloseAccount(t.Context(), p.Password)
			require.NoError(t, err)
		}, func(t testing.TB, _ *watched, p *vaulttest.Person) error {
			return p.Vault.Reopen(t.Context())
		}).showing(closing),
		"ask for space": withPaper(nil, func(t testing.TB, _ *watched, p *vaulttest.Person) error {
			_, err := p.Vault.AskForSpace(t.Context(), "many papers")
			return err
		}).showing(asked),
		"decide about space": withPaper(func(t testing.TB, _ *watched, p *vaulttest.Person) {
			_, err := p.Vault.AskForSpace(t.Context(), "many papers")
			require.NoError(t, err)
		}, func(t testing.TB, w *watched, p *vaulttest.Person) error {
			_, err := w.DecideSpace(t.Context(), p.Vault.ID(), quota.Decision{Number: 1, Approve: true, By: "operator", Why: "yes"})
			return err
		}).showing(asked),
		"change the password": changing(false),
		"change the keys":     changing(true),
		"erase":               erase,
	}
}

func changing(known bool) flow {
	const next = "gato niru pesa fova"
	f := withPaper(nil, func(t testing.TB, _ *watched, p *vaulttest.Person) error {
		return p.Vault.ChangePassword(t.Context(), vault.ChangePassword{Old: p.Password, New: next, KnownToOthers: known})
	})
	f.next = next
	if known { // more than one batch of records to seal anew
		f.opts, f.costly = &vaulttest.Options{Folders: many("folder", 18)}, 3
	}
	return f
}

func many(name string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint(name, i))
	}
	return out
}

func closing(t testing.TB, v *vault.Vault) string {
	return fmt.Sprint("closed: ", !overview(t, v).ErasedAt.IsZero())
}

func asked(t testing.TB, v *vault.Vault) (out string) {
	t.Helper()
	all, err := v.SpaceRequests(t.Context())
	require.NoError(t, err)
	for _, r := range all {
		out += fmt.Sprint(r.Number, r.State, r.Reason, r.Why)
	}
	s, err := v.Space(t.Context())
	require.NoError(t, err)
	return fmt.Sprint(out, s.Limit)
}

// takeAlong exports. Whether it is whole can be seen from it.
func takeAlong(t testing.TB, _ *watched, p *vaulttest.Person) error {
	t.Helper()
	var out bytes.Buffer
	err := p.Vault.Export(t.Context(), &out, nil)
	archive, zipErr := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		if zipErr == nil {
			_, openErr := archive.Open("reconnect/tagmanifest-sha256.txt")
			require.Error(t, openErr, "an export that broke off looks whole")
		}
		return err
	}
	require.NoError(t, zipErr)
	_, openErr := archive.Open("reconnect/tagmanifest-sha256.txt")
	require.NoError(t, openErr)
	return nil
}
