package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/pruvon/pruvon"
)

const defaultShutdownTimeout = 30 * time.Second

// serve runs until ctx ends, then drains.
func serve(ctx context.Context, cfg config, log *slog.Logger) error {
	if err := checkListen(cfg); err != nil {
		return cfg.located(err)
	}
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return err
	}
	audit, err := openActivity(cfg.StateDir, log)
	if err != nil {
		return err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	demoCtx, stopDemo := context.WithCancel(ctx)
	waitDemo := startDemo(demoCtx, cfg, log)
	defer func() { stopDemo(); waitDemo() }()
	lib, err := buildConfig(cfg)
	if err != nil {
		return cfg.located(err)
	}
	lib.Logger, lib.Registerer, lib.Audit = log, reg, audit.event
	app, err := pruvon.New(lib)
	if err != nil {
		return cfg.located(err)
	}
	l, err := pruvon.Listen(ctx, pruvon.ListenConfig{Address: cfg.Listen, InsecureAllowPublic: cfg.AllowPublicListen})
	if err != nil {
		return errors.Join(err, shutdown(app, nil, cfg))
	}
	for _, w := range warnings(cfg) {
		log.Warn(w)
	}
	srv := &http.Server{
		Handler:           routes(app, reg, cfg.MetricsForwarded),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	log.Info("serving", "address", address(l), "config", cfg.name(), "state_dir", cfg.StateDir)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err = <-served:
		err = errors.Join(err, shutdown(app, nil, cfg))
	case <-ctx.Done():
		log.Info("stopping")
		err = shutdown(app, srv, cfg)
		<-served
	}
	return err
}

// shutdown ends terminals and drains imports before the server, which knows
// nothing of upgraded connections.
func shutdown(app *pruvon.App, srv *http.Server, cfg config) error {
	timeout := cfg.Limits.ShutdownTimeout
	if timeout == 0 {
		timeout = defaultShutdownTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	err := app.Shutdown(ctx)
	if srv != nil {
		err = errors.Join(err, srv.Shutdown(ctx))
	}
	return err
}

// address is what to type into a browser, or the socket's path.
func address(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return "unix:" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}

// name is the configuration's name in messages.
func (c config) name() string {
	if c.file == "" {
		return "demo"
	}
	return c.file
}
