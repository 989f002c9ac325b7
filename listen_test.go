package pruvon_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon"
)

func TestListenRefusesWhatOthersCanReach(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1", "unix:relative.sock", ""} {
		_, err := pruvon.Listen(context.Background(), pruvon.ListenConfig{Address: addr})
		assert.Error(t, err, addr)
	}
	for _, addr := range []string{"127.0.0.1:0", "127.1.2.3:0", "localhost:0"} {
		l, err := pruvon.Listen(context.Background(), pruvon.ListenConfig{Address: addr})
		require.NoError(t, err, addr)
		assert.NoError(t, l.Close())
	}
	l, err := pruvon.Listen(context.Background(), pruvon.ListenConfig{Address: "0.0.0.0:0", InsecureAllowPublic: true})
	require.NoError(t, err)
	assert.NoError(t, l.Close())
}

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.sock")
	cfg := pruvon.ListenConfig{Address: "unix:" + path}
	l, err := pruvon.Listen(context.Background(), cfg)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o660), info.Mode().Perm())

	_, err = pruvon.Listen(context.Background(), cfg)
	assert.ErrorContains(t, err, "served already")

	// A process that was killed leaves its socket behind.
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	l, err = pruvon.Listen(context.Background(), cfg)
	require.NoError(t, err)
	require.NoError(t, l.Close())

	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = pruvon.Listen(context.Background(), cfg)
	assert.ErrorContains(t, err, "no socket")
}
