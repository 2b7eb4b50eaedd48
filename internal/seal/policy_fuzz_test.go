package seal

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzPolicies: a policy, and what somebody says about a request, is what its key signed
// and keeps its bounds, or it is refused.
func FuzzPolicies(f *testing.F) {
	key, err := SigningKeyFromBytes(bytes.Repeat([]byte{7}, 32))
	require.NoError(f, err)
	vault, digest := [16]byte{1}, Digest(nil)
	rule := PolicyRule{Path: [16]byte{2}, Counters: []PolicyCounter{{Wait: 1000}, {Wait: 1 << 62}}, Parties: []PolicyParty{{Key: key.Public(), Desk: true}}, Approvals: 2}
	for _, v := range []any{
		Policy{}, Policy{Number: 3, Rules: []PolicyRule{rule}}, Policy{Rules: []PolicyRule{{Counters: []PolicyCounter{{Wait: -1}}}}},
		Policy{Rules: []PolicyRule{{}}}, Policy{Rules: []PolicyRule{{Counters: make([]PolicyCounter, 1), Parties: []PolicyParty{{Key: make([]byte, 32)}}}}},
		Approval{Act: ApprovalOpens, Key: digest[:], Until: 2, At: 1}, Approval{Act: 4, Key: digest[:], Until: 2, At: 1}, Approval{Act: ApprovalAgrees, Until: 1, At: 1},
		SignedApproval{Credential: digest[:], Terms: digest[:], Signed: digest[:]}, PolicyInbox{Generation: 1, Public: digest[:]}, policyClear{Generation: 1},
	} {
		b, err := Marshal(v)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		signed, err := key.SignEnvelope(policyContext(vault, 0), b)
		if err != nil {
			return // longer than anything is
		}
		if p, err := OpenPolicy(key.Public(), vault, signed); err == nil {
			require.LessOrEqual(t, len(p.Rules), maxRules)
			again, err := key.SignPolicy(vault, p)
			if err == nil { // or it is longer than what is padded
				require.Equal(t, signed, again)
			}
			for _, r := range p.Rules {
				require.NotEmpty(t, r.Counters)
				require.GreaterOrEqual(t, r.Counters[0].Wait, int64(0))
			}
			_, err = OpenPolicy(key.Public(), [16]byte{9}, signed)
			require.Error(t, err, "of another vault")
		}
		says(t, key, vault, b)
		for _, raw := range [][]byte{b, signed} {
			_, err = PolicyGeneration(raw)
			_ = err // anything may look like one: who opens it finds out
			_, err = OpenPolicyInbox(key.Public(), raw)
			require.Error(t, err)
			_, _, err = ReadApproval(vault, raw)
			require.Error(t, err)
			_, _, err = OpenApproval(vault, raw, 1, func([16]byte) (*OwnerHead, error) { return nil, ErrOpen })
			require.Error(t, err)
		}
	})
}

// says has the key sign these bytes as an approval.
func says(t *testing.T, key SigningKey, vault [16]byte, b []byte) {
	t.Helper()
	var a Approval
	_ = Unmarshal(b, &a)
	signed, err := key.SignEnvelope(approvalContext(vault, a.Request), b)
	require.NoError(t, err)
	got, err := openApprovalBody(vault, key.Public(), signed)
	if err != nil {
		return
	}
	require.Equal(t, a, *got)
	require.True(t, got.Act >= ApprovalOpens && got.Act <= ApprovalCancels && len(got.Key) == digestSize && got.Until > got.At)
	_, err = openApprovalBody([16]byte{9}, key.Public(), signed)
	require.Error(t, err, "about another vault")
}
