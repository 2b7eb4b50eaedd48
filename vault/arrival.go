package vault

import "reconnect.example/internal/seal"

// arrive is what a sign-in of the person means for what the service does about
// people who are not there: they are.
func (t *turn) arrive() error {
	if t.heads.owner.Kind != seal.KindPerson {
		return nil
	}
	for _, f := range []func() error{t.seenNow, t.answerDeath, t.confirmWish} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// whileAway is what an overview says of it.
func (t *turn) whileAway(o *Overview) error {
	if err := t.unseenNotice(o); err != nil {
		return err
	}
	return t.deathNotice(o)
}
