-- Limits of quota classes, and of single users in a project (nova/db/api/models.py: QuotaClass, ProjectUserQuota).
CREATE TABLE quota_classes (
    class_name varchar(255) NOT NULL,
    resource varchar(255) NOT NULL,
    hard_limit integer NOT NULL,
    PRIMARY KEY (class_name, resource)
);

CREATE TABLE project_user_quotas (
    project_id varchar(255) NOT NULL,
    user_id varchar(255) NOT NULL,
    resource varchar(255) NOT NULL,
    hard_limit integer NOT NULL,
    PRIMARY KEY (project_id, user_id, resource)
);
