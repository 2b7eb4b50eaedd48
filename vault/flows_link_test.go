package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// byLink is a flow of one act on a person who has a link to leave something, by which a paper
// was left and taken in, and one by which a paper of theirs can be read twice.
func byLink(act func(t testing.TB, w *watched, p *vaulttest.Person, leave, read vault.Link) error) flow {
	f := flow{prepare: func(t testing.TB, w *watched) (*vaulttest.Person, func() error) {
		p := w.Person(t)
		paper := add(t, p.Vault, "paper", content(1, 3000))
		leave := depositLink(t, p.Vault, "to leave")
		require.NoError(t, w.LeaveByLink(t.Context(), leave.Code, vault.NewDocument{Name: "left"}, bytes.NewReader(drawing(2000))))
		_, err := p.Vault.TakeIn(t.Context())
		require.NoError(t, err)
		w.Clock.Advance(time.Second) // the newest is first
		s := &scene{Stage: w.Stage, person: p, v: p.Vault}
		read := s.linkTo(t, p.Vault, paper, 2)
		w.Clock.Advance(time.Second)
		return p, func() error { return act(t, w, p, leave, read) }
	}, costly: 15}
	return f.showing(linksAndInbox)
}

// linksAndInbox are the links as the person sees them, and the inbox.
func linksAndInbox(t testing.TB, v *vault.Vault) string {
	t.Helper()
	links, inbox, err := v.Links(t.Context())
	require.NoError(t, err)
	said := fmt.Sprintf("closed: %t, left by strangers: %d.", inbox.Closed, inbox.Left)
	for _, l := range links {
		said += fmt.Sprintf(" %s %s: used %d times, ended by %q.", l.Kind, l.Label, l.Used, l.EndedBy)
	}
	return said
}

func linkFlows() map[string]flow {
	return map[string]flow{
		"make a link to leave something": byLink(func(t testing.TB, _ *watched, p *vaulttest.Person, _, _ vault.Link) error {
			_, err := p.Vault.MakeLink(t.Context(), vault.NewLink{Kind: vault.LinkDeposit, Label: "new", Times: 3}, nil)
			return err
		}),
		"make a link to a paper": byLink(func(t testing.TB, w *watched, p *vaulttest.Person, _, read vault.Link) error {
			n := vault.NewLink{Kind: vault.LinkPaper, Label: "new", Item: read.Item, Until: w.Clock.Now().Add(time.Hour)}
			_, err := p.Vault.MakeLink(t.Context(), n, &vault.Secret{Password: p.Password})
			return err
		}),
		"end a link": byLink(func(t testing.TB, _ *watched, p *vaulttest.Person, leave, _ vault.Link) error {
			return p.Vault.EndLink(t.Context(), leave.ID)
		}),
		"leave a paper by a link": byLink(func(t testing.TB, w *watched, _ *vaulttest.Person, leave, _ vault.Link) error {
			return w.LeaveByLink(t.Context(), leave.Code, vault.NewDocument{Name: "new"}, bytes.NewReader(drawing(5*segment)))
		}),
		"leave a message by a link": byLink(func(t testing.TB, w *watched, _ *vaulttest.Person, leave, _ vault.Link) error {
			return w.LeaveNoteByLink(t.Context(), leave.Code, "new", vault.Note{Text: "text"}, "web")
		}),
		"read a paper by a link": byLink(func(t testing.TB, w *watched, _ *vaulttest.Person, _, read vault.Link) error {
			o, err := w.OpenByLink(t.Context(), read.Code)
			if err == nil {
				_, err = io.ReadAll(o)
				_ = o.Close()
			}
			if err != nil { // it is counted before the first byte, also where none comes
				return errors.Join(vault.ErrUnknown, err)
			}
			return nil
		}),
		"keep what was left": byLink(func(t testing.TB, _ *watched, p *vaulttest.Person, _, _ vault.Link) error {
			return p.Vault.KeepLeft(t.Context())
		}),
		"close the inbox": byLink(func(t testing.TB, _ *watched, p *vaulttest.Person, _, _ vault.Link) error {
			return p.Vault.CloseInbox(t.Context())
		}),
	}
}
