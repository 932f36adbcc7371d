#!/usr/bin/perl
# mon's own daemon on a clock that this file turns: `virtual_mon.pl MON START SECONDS -c mon.cf ...`
#
# mon's source is compiled as it is, with time() and its wait for input replaced: all that its scheduler decides, the
# monitors and the alerts that it starts are its own, and a second passes when they have ended. Monitors of one second
# are started and reaped by name, so that the same comes out each time.
use strict;
use warnings;

our ($NOW, $END);
our $FIRST;
BEGIN {
    (my $start, my $seconds) = @ARGV[1, 2];
    ($NOW, $END) = ($start, $start + $seconds);
    *CORE::GLOBAL::time = sub () { $NOW };
    *CORE::GLOBAL::waitpid = sub {
        my ($pid, $flags) = @_;
        return CORE::waitpid($pid, $flags) unless $pid < 0 && $flags;
        return $FIRST ? CORE::waitpid($FIRST, $flags) : 0;
    };
}

my ($mon) = splice @ARGV, 0, 3;
open my $file, '<', $mon or die "$mon: $!\n";
my $source = do { local $/; <$file> };

# What would reach out of the test: the log of the machine and the ports that moncmd is served on.
my $inside = <<'HOOKS';
    *syslog = *openlog = *closelog = *Sys::Syslog::setlogsock = sub { 1 };
HOOKS
my $before = <<'HOOKS';
    *setup_server = sub { 1 };
    *handle_io = sub {
        while (keys %running) {
            ($main::FIRST) = sort { $runningpid{$a} cmp $runningpid{$b} } keys %runningpid;
            collect_output();
            proc_cleanup();
            select undef, undef, undef, 0.001;
        }
        1 while waitpid(-1, 0) > 0;
        exit 0 if ++$main::NOW > $main::END;
        $ENV{VIRTUAL_NOW} = $main::NOW;
    };
HOOKS
$source =~ s/^use Data::Dumper;\n\K/BEGIN { no warnings; $inside }\n/m or die "$mon is another mon\n";
$source =~ s/^(?=init_globals\(\);$)/{ no warnings; $before }\n/m or die "$mon is another mon\n";
$source =~ s/foreach my \$(group|service) \(keys /foreach my \$$1 (sort keys /g;
$ENV{VIRTUAL_NOW} = $NOW;
no warnings;
no strict;
eval "#line 1 \"$mon\"\n$source" or die $@;
