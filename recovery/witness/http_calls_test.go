package witness_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
)

// everyCall is one of each kind, about the vault of p. All of them succeed, also
// when they are repeated, once prepare was called.
func everyCall(p *person) map[string]func(ctx context.Context, w api) error {
	first, side := p.sideOf(1, "first", nil)
	second, next := p.sideOf(2, "second", nil)
	return map[string]func(ctx context.Context, w api) error{
		"latest": func(ctx context.Context, w api) error {
			_, err := w.Latest(ctx, p.vault)
			return err
		},
		"raise": func(ctx context.Context, w api) error {
			_, err := w.Raise(ctx, p.vault, first.heads(at("shared", 2, 's'), at("journal", 3, 'j')), first.record, true)
			return err
		},
		"keep":       func(ctx context.Context, w api) error { return w.Keep(ctx, p.vault, second.record, next) },
		"owner-side": func(ctx context.Context, w api) error { _, _, err := w.OwnerSide(ctx, p.vault); return err },
		"inbox":      func(ctx context.Context, w api) error { _, err := w.Inbox(ctx); return err },
		"restore":    func(ctx context.Context, w api) error { _, err := w.Restore(ctx, p.vault, p.restored(1)); return err },
		"restored":   func(ctx context.Context, w api) error { _, err := w.Restored(ctx, p.vault); return err },
		"vaults":     func(ctx context.Context, w api) error { _, err := w.Vaults(ctx, [16]byte{}, 10); return err },
		"forks":      func(ctx context.Context, w api) error { _, err := w.Forks(ctx, p.vault); return err },
		"count":      func(ctx context.Context, w api) error { _, err := w.Count(ctx, p.vault, password); return err },
		"evaluate": func(ctx context.Context, w api) error {
			_, err := w.Evaluate(ctx, p.vault, card, pin, 0)
			return err
		},
		"tried": func(ctx context.Context, w api) error { _, err := w.Tried(ctx, p.vault, card); return err },
		"reset": func(ctx context.Context, w api) error {
			return w.Reset(ctx, p.vault, password, p.reset(password, 0))
		},
		"prepare": func(ctx context.Context, w api) error {
			if err := w.Keep(ctx, p.vault, first.record, side); err != nil {
				return err
			}
			_, err := w.Raise(ctx, p.vault, first.heads(), first.record, true)
			return err
		},
	}
}

// prepared is everyCall of somebody new whose vault the witness knows.
func prepared(t *testing.T, w api) (*person, map[string]func(ctx context.Context, w api) error) {
	t.Helper()
	p := newPerson(t)
	calls := everyCall(p)
	require.NoError(t, calls["prepare"](t.Context(), w))
	delete(calls, "prepare")
	return p, calls
}

func TestEveryCallSucceedsAndMayBeRepeated(t *testing.T) {
	t.Parallel()
	for where, s := range map[string]*subject{"embedded": inMemory(t), "remote": remotely(t, inMemory(t))} {
		_, calls := prepared(t, s)
		for name, call := range calls {
			for range 2 {
				require.NoError(t, call(t.Context(), s), "%s %s", where, name)
			}
		}
	}
}

var _ api = (*witness.Client)(nil)
