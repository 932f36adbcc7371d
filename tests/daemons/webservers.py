"""nginx and Apache in the foreground, all their files in a folder: the frame of a configuration, without its sites."""

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr info;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""
NGINX_ARGUMENTS = ("-p", "{directory}", "-c", "{directory}/nginx.conf", "-e", "stderr")
APACHE = """
ServerRoot {folder}
PidFile {folder}/apache.pid
Mutex file:{folder}
ErrorLog {folder}/error.log
ServerName apache.example.org
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so
LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so
DocumentRoot {folder}/htdocs
{hosts}
"""
APACHE_ARGUMENTS = ("-d", "{directory}", "-f", "{directory}/apache.conf", "-DFOREGROUND")
