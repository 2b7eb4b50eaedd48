package vault

import (
	"context"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// ActInvitationTakenBack: a manager of a relay took back a code that nobody had used.
// Detail "label", as it was written on it.
const ActInvitationTakenBack Act = "invitation.taken-back"

// NoteInvitation writes into a relay's journal that an invitation was taken back, for
// package consent, whose writes are in the same commit: also may run several times, and
// its error, if any, is the answer. ErrNotAllowed for a guest, and for a space that is
// no relay's.
func (v *Vault) NoteInvitation(ctx context.Context, label string, also func(tx *storage.Tx) error) error {
	return v.do(ctx, func(t *turn) error {
		if err := t.asOwner(); err != nil {
			return err
		}
		if t.heads.owner.Kind != seal.KindRelay {
			return ErrNotAllowed
		}
		t.note(ActInvitationTakenBack, nil, map[string]string{"label": label})
		if also == nil {
			return nil
		}
		return also(t.tx)
	})
}
