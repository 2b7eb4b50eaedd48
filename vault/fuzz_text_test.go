package vault

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// What people type, what a service opens at its start, and what a person brings
// back: each is read in its one spelling, or refused.

func FuzzServiceKeys(f *testing.F) {
	key := bytes.Repeat([]byte{7}, 32)
	for _, b := range []serviceKeysBody{{key, key, key}, {key, key, nil}, {key, key[:31], key}, {make([]byte, 32), key, key}} {
		raw, err := seal.Marshal(b)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		record, err := keep(t.Context(), plainKeeper{}, serviceKeysContext, body)
		require.NoError(t, err)
		k, err := parseServiceKeys(t.Context(), record, plainKeeper{})
		if err != nil {
			requireNamed(t, err)
			return
		}
		again, err := seal.Marshal(serviceKeysBody{k.lookup.Bytes(), k.signer.Bytes(), k.operator.Bytes()})
		require.NoError(t, err)
		require.Equal(t, body, again)
	})
}
func FuzzLogin(f *testing.F) {
	for _, s := range []string{"4821 7730 1956", "٣٩٤٠ ٢٤٥٨ ٤٩٥٢", "3940-2458-4952", "1234 5678 9015", "𝟛𝟡𝟜𝟘", "\u200f3940 2458 4952", "12"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		login, err := NormalLogin(s)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			return
		}
		require.Len(t, login, loginDigits+2)
		again, err := NormalLogin(login)
		require.NoError(t, err)
		require.Equal(t, login, again)
	})
}

func FuzzPassword(f *testing.F) {
	for _, s := range []string{"bato kiru mesa lova", "كلمة سر طويلة", "é\u0065\u0301", "\u00a0a", "", "\x00", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := normalPassword(s)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			return
		}
		if utf8.RuneCountInString(p) > maxPassword { // some characters become two
			return
		}
		again, err := normalPassword(p)
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"2026-11-21", "2024-02-29", "2026-02-29", "0000-01-01", "26-11-21", "", "2026-11-21T00:00:00Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			return
		}
		if day, ok := d.Time(time.UTC); ok {
			require.Equal(t, s, day.Format(time.DateOnly))
		} else {
			require.Empty(t, s)
		}
	})
}

func FuzzIDs(f *testing.F) {
	f.Add(ID{1}.String())
	f.Add(strings.Repeat("a", 25) + "b") // a stray bit
	f.Add(strings.ToUpper(ID{255}.String()))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		item, itemErr := ParseItemID(s)
		name, nameErr := ParseSessionID(s)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorIs(t, itemErr, ErrInvalid)
			require.ErrorIs(t, nameErr, ErrInvalid)
			return
		}
		require.Equal(t, s, id.String())
		require.Equal(t, s, name.String())
		require.True(t, item.IsZero() || item.String() == s)
	})
}

func FuzzToken(f *testing.F) {
	all, err := testvectors.Load("testdata/vectors")
	require.NoError(f, err)
	f.Add(all["vault"].Text("token"))
	f.Add("")
	f.Add(strings.Repeat("A", 64))
	f.Add(strings.Repeat("A", 63) + "B")
	service := &Vaults{cfg: Config{Store: storage.New(memstore.New())}}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := service.Resume(t.Context(), token)
		require.ErrorIs(t, err, ErrSessionEnded)
	})
}

func FuzzReceipt(f *testing.F) {
	f.Add([]byte(`{"act":"vault.erased","vault":"` + ID{1}.String() + `","at":"2026-11-21T00:00:00Z","key":"AA==","signature":""}`))
	f.Add([]byte(`{"vault":"x"}`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`{"at":"0000-00-00"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReceipt(b)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			return
		}
		requireNamed(t, r.Verify(bytes.Repeat([]byte{7}, 32)))
		requireNamed(t, r.Verify(r.Key))
	})
}

// plainKeeper is a key service that keeps nothing secret, so that a target can
// put any bytes behind it.
type plainKeeper struct{}

func (plainKeeper) Encrypt(_ context.Context, b []byte) ([]byte, error) { return b, nil }
func (plainKeeper) Decrypt(_ context.Context, b []byte) ([]byte, error) { return b, nil }
