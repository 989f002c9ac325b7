package proxyhdr_test

import (
	"io"
	"log"
	"log/slog"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	quiet      = slog.New(slog.DiscardHandler)
	discardLog = log.New(io.Discard, "", 0)
)
