#!/usr/bin/perl
# Runs ldirectord's own checks, unchanged, without its main loop: only the functions of the installed program are loaded.
#
# Reads one line of JSON for each check: {"id": 7, "v": {what a virtual block sets}, "r": {what a real line sets}}, runs
# as many at a time as are asked for by the first argument, and prints for each {"id": 7, "verdict": WORD}:
#   up, down   what it told ldirectord to do with the realserver
#   kept       it told nothing, so the realserver keeps whatever state it had
#   died       the check died
#   hangs      it was not done after the seconds of the second argument, and is killed
use strict;
use warnings;
no warnings qw(once redefine);
use JSON::PP;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(time sleep);

my ($together, $patience) = splice @ARGV, 0, 2;
open my $source, "<", "/usr/sbin/ldirectord" or die "ldirectord is not installed: $!";
my $text = do { local $/; <$source> };
$text =~ s/^ld_init\(\);\n.*?(?=^sub ld_init$)//ms or die "this is not the ldirectord that is known here";
$text =~ s/^unless\(defined\(\$ENV\{'PERLIO'\}\)\).*?^}\n//ms;
{
    no strict;
    no warnings;
    eval $text;
    die $@ if $@;
}
our ($SERVICE_UP, $SERVICE_DOWN);
# What a configuration pulls in; loaded once for all children.
for my $module (qw(Net::SMTP Mail::POP3Client Net::IMAP::Simple Net::LDAP Net::FTP Net::DNS DBI Authen::Radius)) {
    eval "require $module" or warn "$module: $@";
}

my @jobs = map { decode_json($_) } <STDIN>;
my %running;
while (@jobs or %running) {
    while (@jobs and keys %running < $together) {
        my $job = shift @jobs;
        pipe my $out, my $in or die $!;
        my $pid = fork // die $!;
        if (!$pid) {
            close $out;
            one($job, $in);
            POSIX::_exit(0);
        }
        close $in;
        $running{$pid} = { id => $job->{id}, out => $out, until => time + $patience };
    }
    for my $pid (keys %running) {
        my $child = $running{$pid};
        my $ended = waitpid($pid, WNOHANG) == $pid;
        my $verdict;
        if (!$ended and time > $child->{until}) {
            kill KILL => $pid;
            waitpid $pid, 0;
            ($ended, $verdict) = (1, "hangs");
        }
        next if !$ended;
        my $said = readline $child->{out};
        $verdict //= $said // "died";
        print encode_json({ id => $child->{id}, verdict => $verdict }), "\n";
        $| = 1;
        delete $running{$pid};
    }
    sleep 0.01;
}

sub one {
    my ($job, $in) = @_;
    my %v = (
        checktype => "negotiate", protocol => "tcp", negotiatetimeout => 2, checktimeout => 2, checkcount => 1,
        num_connects => 0, httpmethod => "GET", request => "/", receive => "", login => "", passwd => "",
        database => "", secret => "", service => "none", %{ $job->{v} },
    );
    local %ENV = (%ENV, %{ $job->{env} || {} });
    my %r = (weight => 1, forward => "masq", request => $v{request}, receive => $v{receive}, num_connects => -1, %{ $job->{r} });
    $r{url} //= "$v{service}://$r{server}:$r{port}/";
    open STDERR, ">", "/dev/null";
    open STDOUT, ">", "/dev/null";
    $SIG{PIPE} = "IGNORE";    # as ldirectord sets it
    my $told = "kept";
    *main::service_set = sub { $told = $_[2] };
    *main::ld_log = sub { };
    *main::_check_real_for_maintenance = sub { 0 };
    eval { _check_real(\%v, \%r); 1 } or $told = "died";
    syswrite $in, $told;
}
