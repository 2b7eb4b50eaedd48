package vault

import (
	"context"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// ActInvitationTakenBack: a manager of a relay took back a code that nobody had used.
// Detail "label", as it was written on it.
const ActInvitationTakenBack Act = "invitation.taken-back"

// ActJoinRefused: a manager of a relay refused somebody who asked to be let in. Detail
// "label", the name that they said.
const ActJoinRefused Act = "join.refused"

// NoteInvitation writes into a relay's journal that an invitation was taken back, for
// package consent, whose writes are in the same commit: also may run several times, and
// its error, if any, is the answer. ErrNotAllowed for a guest, and for a space that is
// no relay's.
func (v *Vault) NoteInvitation(ctx context.Context, label string, also func(tx *storage.Tx) error) error {
	return v.noteTeam(ctx, ActInvitationTakenBack, label, also)
}

// NoteRefusal writes that somebody who asked was refused, as NoteInvitation does.
func (v *Vault) NoteRefusal(ctx context.Context, name string, also func(tx *storage.Tx) error) error {
	return v.noteTeam(ctx, ActJoinRefused, name, also)
}

func (v *Vault) noteTeam(ctx context.Context, act Act, label string, also func(tx *storage.Tx) error) error {
	return v.do(ctx, func(t *turn) error {
		if err := t.asOwner(); err != nil {
			return err
		}
		if t.heads.owner.Kind != seal.KindRelay {
			return ErrNotAllowed
		}
		t.note(act, nil, map[string]string{"label": label})
		if also == nil {
			return nil
		}
		return also(t.tx)
	})
}
