package vault_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// letters are the keys of what waits in an inbox.
func (s *hostile) letters(v *vault.Vault) []string { return s.host.Records(v.ID().String() + "/in/") }

func droppedDeposit(t *testing.T, s *hostile) {
	tn := s.town(t)
	giver := tn.giver(t)
	left := []vault.ItemID{}
	leave := func(name string) string { // the key of its record
		before := s.letters(tn.v)
		left = append(left, leaveNote(t, giver, name))
		after := s.letters(tn.v)
		require.Len(t, after, len(before)+1)
		return after[len(before)]
	}
	kept, c := []string{}, s.company(t, tn)
	for name, alter := range map[string]func(key, other string){
		"dropped":              func(key, _ string) { s.host.Record(key).Drop() },
		"flipped in the head":  func(key, _ string) { s.host.Record(key).Flip(90) },
		"flipped in the seal":  func(key, _ string) { s.host.Record(key).Flip(8*len(s.host.Record(key).Bytes()) - 1) },
		"emptied":              func(key, _ string) { s.host.Record(key).Forge(nil) },
		"another in its place": func(key, other string) { s.host.Record(key).Forge(s.host.Record(other).Bytes()) },
		"in Shared's instead": func(key, _ string) {
			moved := inShared(key)
			s.host.Record(moved).Forge(s.host.Record(key).Bytes())
			s.host.Record(key).Drop()
		},
		"at another line's end": func(key, _ string) {
			s.host.Record(key[:len(key)-1] + "f").Forge(s.host.Record(key).Bytes())
			s.host.Record(key).Drop()
		},
	} {
		before, lost := leave("before "+name), leave("lost")
		kept = append(kept, "before "+name)
		alter(lost, before)
		c.left = left
		c.survey(t, s, name)
		v := s.person.SignIn(t, tn.Stage)
		require.ElementsMatch(t, kept, papers(t, v), "%s: all others are taken in, and nothing else", name)
		require.Equal(t, []vault.NoticeCode{vault.NoticeDepositMissing}, overview(t, v).Notices, name)
		gaps, err := v.MissingDeposits(t.Context())
		require.NoError(t, err)
		require.Len(t, gaps, 1, name)
		require.Equal(t, "Samir", gaps[0].By.Name)
		lines := acts(t, v, 20)
		require.Contains(t, lines, string(vault.ActDepositMissing), name)
		require.NoError(t, v.ConfirmMissing(t.Context()))
		for _, key := range s.letters(v) { // what it made up
			s.host.Record(key).Drop()
		}
		v.Close()
	}
	// What is put back after it was told missing, or taken in, is nothing.
	key := leave("once")
	then := s.host.Now()
	v := s.person.SignIn(t, tn.Stage)
	s.host.Record(key).Replay(then)
	c.left = left
	c.survey(t, s, "what was taken in, once more")
	_, err := v.TakeIn(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, append(kept, "once"), papers(t, v))
	require.Empty(t, overview(t, v).Notices)
}

func inShared(key string) string {
	return string(bytes.Replace([]byte(key), []byte("/in/p/"), []byte("/in/s/"), 1))
}

func depositOfAStranger(t *testing.T, s *hostile) {
	tn := s.town(t)
	ended := tn.follow(t, vault.ScopeAdd)
	require.NoError(t, tn.v.End(t.Context(), ended, nil))
	other := s.Person(t)
	stranger := seal.NewSigningKey()
	tn.register.members["credential of anna"] = vault.Signer{Actor: vault.Actor{Kind: vault.ActorWorker, ID: "anna"}, Key: stranger.Public(), Named: func(string) bool { return true }}
	mine := addNote(t, tn.v, "mine", "text")
	giver := tn.giver(t)
	theirs := &town{scene: &scene{Stage: tn.Stage, person: other, v: other.SignIn(t, tn.Stage)}, register: tn.register, relay: tn.relay, worker: tn.worker, member: tn.member, own: tn.own}
	leaveNote(t, theirs.giver(t), "for another")
	c := s.company(t, tn, ended)
	foreign := s.host.Record(s.letters(theirs.v)[0]).Bytes()
	for name, f := range map[string]vault.Forgery{
		"signed by nobody that is known":   {Signer: stranger},
		"signed by another worker":         {Signer: stranger, Credential: []byte("credential of anna")},
		"with a credential that is stolen": {Signer: stranger, Credential: []byte("credential of samir")},
		"in the person's name":             {By: vault.Actor{Kind: vault.ActorPerson}},
		"by a grant that ended":            {Grant: ended.String()},
		"of another vault":                 {Record: foreign},
		"over what is there":               {Item: mine.ID},
	} {
		f.Content = content(1, 2000)
		before := usage(t, tn.Stage, tn.v.ID()).Used
		_, err := giver.LeaveForged(t.Context(), f)
		require.NoError(t, err)
		c.survey(t, s, name)
		taken, err := tn.v.TakeIn(t.Context())
		require.NoError(t, err, name)
		require.Equal(t, vault.TakenIn{Refused: 1}, taken, name)
		require.Equal(t, []string{"mine"}, papers(t, tn.v), name)
		require.Equal(t, "text", item(t, tn.v, mine.ID).Note.Text, name)
		require.Contains(t, acts(t, tn.v, 5), string(vault.ActDepositRefused), name)
		require.Empty(t, s.letters(tn.v), name)
		require.Equal(t, before, usage(t, tn.Stage, tn.v.ID()).Used, name)
	}
}
