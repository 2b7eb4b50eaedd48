package webhooks

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The worked example of the specification's own libraries.
func TestSignaturesAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	key := parseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		sign([][]byte{key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)))
}
