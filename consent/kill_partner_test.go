package consent_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/testkill"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

// childPartner tells a child process what a person does with a partner until it is killed.
const childPartner = "CONSENT_TEST_PARTNER"

// partnerErrand is what somebody must know to let a partner leave something, and to end it.
type partnerErrand struct {
	errand
	Partner, Link string
	Ends          string // how it ends
}

// runPartner says each commit, and waits before one of them to be killed.
func runPartner(e partnerErrand) error {
	said := &storagetest.Spoken{Say: func(n int) {
		fmt.Println(n)
		if n == e.Kill {
			select {} // until it is killed
		}
	}}
	return e.letAndEnd(context.Background(), said)
}

// letAndEnd lets the partner leave something, which leaves a message; and ends it.
func (e *partnerErrand) letAndEnd(ctx context.Context, said *storagetest.Spoken) error {
	s, err := e.open(ctx, said.Over)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	id, err := vault.ParseID(e.Partner)
	if err != nil {
		return err
	}
	v, err := s.Stage.Vaults.Unlock(ctx, vault.Password{Login: e.Login, Secret: e.Password})
	if err != nil {
		return err
	}
	office, err := s.Service.Office(ctx, id)
	if err != nil {
		return err
	}
	said.Begin()
	if err := s.Service.LetLeave(ctx, v, id); err != nil {
		return err
	}
	if err := office.LeaveNote(ctx, e.Link, "Rendez-vous", vault.Note{Text: "Lundi 9 h"}); err != nil {
		return err
	}
	return e.end(ctx, s.Service, v, id)
}

func (e *partnerErrand) end(ctx context.Context, s *consent.Service, v *vault.Vault, id consent.PartnerID) error {
	switch e.Ends {
	case "stop":
		return s.StopLeaving(ctx, v, id)
	case "block":
		return s.BlockPartner(ctx, v, id)
	}
	return s.EndPartnerLinks(ctx, v, id)
}

// The server is killed while a partner is let leave something, leaves it, and while that is
// ended. A link of the vault is in force if the partner may leave something, and only then;
// the end repeated ends it (N80).
func TestWhatAPartnerMayLeaveSurvivesKill(t *testing.T) {
	t.Parallel()
	seed := make([]byte, 32)
	seed[0] = 9
	first := partnerErrand{errand: errand{Folder: t.TempDir(), Seed: seed, Start: sceneStart}}
	s, err := first.open(t.Context(), nil)
	require.NoError(t, err)
	c := &counter{scene: &scene{Stage: s}}
	c.body, c.amina = c.newBody(t, "CAF du Rhône"), s.Person(t)
	s.Sign(t, consent.Change{Partner: &c.body.Partner})
	hasLink(t, c)
	first.Login, first.Password = c.amina.Login, c.amina.Password
	first.Partner, first.Link = c.body.ID.String(), c.link
	require.NoError(t, s.Close())
	for _, ends := range []string{"stop", "block", "end links"} {
		t.Run(ends, func(t *testing.T) {
			t.Parallel()
			copied := func() *partnerErrand {
				e := first
				e.Folder, e.Ends = t.TempDir(), ends
				require.NoError(t, os.CopyFS(e.Folder, os.DirFS(first.Folder)))
				require.NoError(t, os.Chmod(filepath.Join(e.Folder, local.KeyFileName), 0o600))
				return &e
			}
			said := &storagetest.Spoken{}
			require.NoError(t, copied().letAndEnd(t.Context(), said))
			points := sized(2, 6)
			for n := range points {
				e := copied()
				e.Kill = 1 + (2*n+1)*said.Commits()/(2*points)
				testkill.Child(t, childPartner, e, func(line string) time.Duration {
					if line == strconv.Itoa(e.Kill) {
						return 0
					}
					return testkill.Never
				})
				e.Start = e.Start.Add(time.Minute)
				e.check(t, c)
			}
		})
	}
}

// check looks at what the child left, and ends it.
func (e *partnerErrand) check(t *testing.T, before *counter) {
	t.Helper()
	s, err := e.open(t.Context(), func(d storage.Driver) storage.Driver { return d })
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	c := &counter{scene: &scene{Stage: s}, body: before.body, link: before.link}
	c.amina = signedIn(t, s, before.amina)
	now := c.look(t)
	require.Equal(t, now["leaving"], now["links of the vault"], "killed before commit %d", e.Kill)
	require.NoError(t, e.end(t.Context(), s.Service, c.amina.Vault, c.body.ID))
	takesNothing(t, c)
}
