# What S3 answers to requests that are not for a file's bytes. nginx.conf calls it.
#
# Bodies are read to their end before anything is answered, as S3 does. ETags are opaque:
# nobody knows the checksum of bytes that are thrown away. Of objects that were stored in parts
# the size is kept, for rclone asks for it: in files, since each worker has a memory of its own.

package answers;

use strict;
use warnings;

use MIME::Base64 qw(encode_base64);
use nginx;

my $number = 0;
my $stored = "{{folder}}/stored";

sub handle {
    my ($request) = @_;
    return OK if $request->has_request_body(\&wait_first);
    return wait_first($request);
}

sub wait_first {
    my ($request) = @_;
    my $milliseconds = $request->variable("first_byte_ms");
    return answer($request) unless $milliseconds;
    $request->sleep($milliseconds, \&answer);
    return OK;
}

sub answer {
    my ($request) = @_;
    my $method    = $request->request_method;
    my $query     = $request->args // "";
    if ($method eq "GET" || $method eq "HEAD") {
        return listing($request, $query)   if $query =~ /(^|&)list-type=2/;
        return xml($request, location())   if $query =~ /^location/;
        return bucket($request)            if $request->uri =~ m{^/[^/]+/?$};
        $request->internal_redirect('@file');
        return OK;
    }
    return put($request, $query)                      if $method eq "PUT";
    return xml($request, deleted($request))           if $query =~ /^delete(=|&|$)/;
    return xml($request, initiated($request))         if $query =~ /^uploads/;
    return xml($request, completed($request))         if $query =~ /(^|&)uploadId=/;
    return delete_one($request)                       if $method eq "DELETE";
    return refusal($request, 501, "NotImplemented");
}

sub put {
    my ($request, $query) = @_;
    return refusal($request, 400, "BadDigest") if is_damaged($request);
    my $etag = $query =~ /partNumber=(\d+)/ ? "bench-part-$1" : "bench-object";
    $request->header_out("ETag", "\"$etag\"");
    note_part($request, $1, $2) if $query =~ /partNumber=(\d+)&uploadId=([\w-]+)/;
    # S3 repeats the checksum that it has verified.
    for my $name (map { "x-amz-checksum-$_" } qw(crc32 crc32c crc64nvme)) {
        my $checksum = $request->header_in($name);
        $request->header_out($name, $checksum) if defined $checksum;
    }
    return empty($request, 200);
}

# Large bodies are thrown away unread; but clients may try whether checksums are verified.
sub is_damaged {
    my ($request) = @_;
    my $told = $request->header_in("x-amz-checksum-crc64nvme");
    my $size = $request->header_in("Content-Length") // 0;
    return 0 if !defined $told || $size < 1 || $size > 64;
    my $checksum = ~0;
    for my $byte (unpack "C*", $request->request_body // "") {
        $checksum ^= $byte;
        for (1 .. 8) {
            $checksum = ($checksum >> 1) ^ ($checksum & 1 ? 0x9A6C9329AC4BC9B5 : 0);
        }
    }
    return encode_base64(pack("Q>", ~$checksum), "") ne $told;
}

sub bucket {
    my ($request) = @_;
    $request->header_out("x-amz-bucket-region", "us-east-1");
    return empty($request, 200);
}

# benchmarks/served.py has written the pages: listings/PREFIX.TOKEN.xml, slashes as commas.
sub listing {
    my ($request, $query) = @_;
    my ($prefix) = $query =~ /(?:^|&)prefix=([^&]*)/;
    my ($token)  = $query =~ /(?:^|&)continuation-token=(\d+)/;
    my $name = $request->unescape($prefix // "");
    $name =~ tr{/}{,};
    my $page = "/listings/$name." . ($token // 0) . ".xml";
    return xml($request, nothing()) unless -e "{{folder}}$page";
    $request->internal_redirect($page);
    return OK;
}

sub nothing {
    return '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        . '<KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>'
        . '</ListBucketResult>';
}

# Nothing is deleted, so that it can be deleted again; what was asked for is noted.
sub deleted {
    my ($request) = @_;
    my $body = $request->request_body // "";
    my @keys = $body =~ m{<Key>(.*?)</Key>}gs;
    note_deleted(@keys);
    my $told = $body =~ m{<Quiet>true</Quiet>}
        ? "" : join "", map { "<Deleted><Key>$_</Key></Deleted>" } @keys;
    return "<DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">$told</DeleteResult>";
}

sub delete_one {
    my ($request) = @_;
    my ($key) = $request->uri =~ m{^/[^/]+/(.+)$};
    note_deleted($key) if defined $key && ($request->args // "") !~ /uploadId=/;
    return empty($request, 204);
}

# By one write, for two workers write to the file.
sub note_deleted {
    open my $file, ">>", "{{folder}}/deleted" or return;
    syswrite $file, join "", map { "$_\n" } @_;
    close $file;
}

sub location {
    return '<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>';
}

sub initiated {
    my ($request) = @_;
    $number++;
    my $upload_id = "upload-$$-$number";
    return named($request, "InitiateMultipartUploadResult", "<UploadId>$upload_id</UploadId>");
}

sub note_part {
    my ($request, $part, $upload_id) = @_;
    my $size = $request->header_in("Content-Length") // 0;
    open my $file, ">>", "$stored/$upload_id" or return;
    print {$file} "$part $size\n";
    close $file;
}

sub note_size {
    my ($request) = @_;
    my ($upload_id) = ($request->args // "") =~ /uploadId=([\w-]+)/ or return;
    open my $parts, "<", "$stored/$upload_id" or return;
    my %sizes = map { split } <$parts>;    # of a part that came twice, the last
    close $parts;
    my $total = 0;
    $total += $_ for values %sizes;
    open my $file, ">", stored_name($request) or return;
    print {$file} $total;
    close $file;
}

sub stored_name {
    my ($request) = @_;
    return "$stored/of-" . unpack("H*", $request->uri);
}

sub completed {
    my ($request) = @_;
    note_size($request);
    return named($request, "CompleteMultipartUploadResult", "<ETag>\"bench-object\"</ETag>");
}

sub named {
    my ($request, $element, $content) = @_;
    my ($bucket, $key) = $request->uri =~ m{^/([^/]+)/(.*)$};
    s/&/&amp;/g, s/</&lt;/g for $key;
    return "<$element xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        . "<Bucket>$bucket</Bucket><Key>$key</Key>$content</$element>";
}

sub missing {
    my ($request) = @_;
    if ($request->request_method eq "HEAD" && open my $file, "<", stored_name($request)) {
        $request->header_out("ETag", "\"bench-object\"");
        $request->header_out("Content-Length", scalar <$file>);
        $request->status(200);
        $request->send_http_header;
        return OK;
    }
    return refusal($request, 404, "NoSuchKey");
}

sub changed {
    my ($request) = @_;
    return refusal($request, 412, "PreconditionFailed");
}

sub refusal {
    my ($request, $status, $code) = @_;
    return xml($request, "<Error><Code>$code</Code><Message>$code</Message></Error>", $status);
}

sub xml {
    my ($request, $document, $status) = @_;
    my $text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n$document";
    $request->status($status // 200);
    $request->header_out("Content-Length", length $text);
    $request->send_http_header("application/xml");
    $request->print($text) unless $request->header_only;
    return OK;
}

sub empty {
    my ($request, $status) = @_;
    $request->status($status);
    $request->header_out("Content-Length", 0) unless $status == 204;
    $request->send_http_header;
    return OK;
}

1;
