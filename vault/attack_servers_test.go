package vault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
	_ "reconnect.example/storage/bucket/s3bucket"
	"reconnect.example/storage/postgresstore"
)

// broad are attacks of every kind. They are enough where what lies below the host
// is a server: what the host shows is the same.
var broad = []string{
	"A1_swapped_blobs", "A4_cut_blob", "A12_read_that_ends_early", "B2_deleted_item", "C1_rolled_back",
	"C2_fork", "E3_keyslot_of_another_vault", "F9_guesses_at_once", "G1_edited_journal", "H1_swapped_key_records",
}

// TestAttackOnServers plays ten attacks over records in PostgreSQL and documents
// in a bucket of S3.
func TestAttackOnServers(t *testing.T) {
	t.Parallel()
	for _, name := range broad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records, err := postgresstore.Open(t.Context(), testservices.Postgres(t))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, records.Close()) })
			documents, err := storage.OpenBlobs(t.Context(), testservices.S3(t))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, documents.Close()) })
			attack(t, name, hostileOn(t, records, documents, ""))
		})
	}
}
